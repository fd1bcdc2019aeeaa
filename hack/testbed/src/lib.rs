//! Real servers on loopback, for tests, the benchmark and the demo. Nothing here is a mock.
//!
//! - [`controlplane`]: etcd, kube-apiserver, kube-controller-manager and cert-manager.
//! - [`keyservers`]: what key backends talk to: OpenBao, an emulator of AWS KMS, and SoftHSM2.
//! - [`proxy`]: a proxy in front of one of them that injects faults.
//! - [`installation`]: Signet of this checkout on a cluster, with the operator as a process.
//!
//! Programs are built or installed at their first use and stay in the [`cache`]. Servers listen on
//! free [`ports`] of loopback, and end with the process that started them, however that ends.

pub mod cache;
pub mod controlplane;
mod http;
pub mod installation;
pub mod keyservers;
mod packages;
pub mod pki;
pub mod ports;
pub mod proxy;
mod tether;

use std::fmt::Arguments;
use std::io::Write;

pub use keyservers::{Ministack, OpenBao, SoftHsm};
pub use proxy::Proxy;

/// Writes one line to standard error, if that is open.
pub fn say(line: Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
