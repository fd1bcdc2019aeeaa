//! What all that starts servers on loopback has in common, whatever the servers are: free ports,
//! a CA, the cache in which programs lie, and children that do not outlive whoever started them.
#![warn(missing_docs)]

pub mod cache;
pub mod pki;
pub mod ports;
pub mod tether;

use std::fmt::Arguments;
use std::io::Write;

/// Writes one line to standard error. A closed one is nobody who reads.
pub fn say(line: Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
