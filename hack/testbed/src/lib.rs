//! Real servers on loopback, for tests, the benchmark and the demo. Nothing here is a mock.
//!
//! - [`controlplane`]: etcd, kube-apiserver, kube-controller-manager and cert-manager.
//! - [`keyservers`]: what key backends talk to: OpenBao, an emulator of AWS KMS, and SoftHSM2.
//! - [`forward_proxy`]: a proxy on the way out of a network.
//! - [`registry`]: a registry of images.
//! - [`proxy`]: a proxy in front of one of them that injects faults.
//! - [`istio`]: istiod on a cluster, and the agents of workloads.
//! - [`envoy`]: the proxy of a workload.
//! - [`spire`]: SPIRE's servers and agents.
//! - [`installation`]: Signet of this checkout on a cluster, with the operator as a process.
//! - [`supervise`]: the processes of all of these.
//! - [`wait`]: how these and the tests wait for something.
//!
//! Programs are built or installed at their first use and stay in the [`cache`]. Servers listen on
//! free [`ports`] of loopback, and end with the process that started them, however that ends.

pub mod cache;
mod command;
pub mod controlplane;
pub mod envoy;
pub mod forward_proxy;
mod home;
mod http;
pub mod installation;
pub mod istio;
pub mod keyservers;
pub mod packages;
pub mod pki;
pub mod ports;
pub mod proxy;
pub mod registry;
pub mod spire;
pub mod supervise;
pub mod wait;

use std::fmt::Arguments;
use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;

pub use command::run;
pub use keyservers::{Ministack, OpenBao, SoftHsm};
pub use proxy::Proxy;

/// Writes one line to standard error, if that is open.
pub fn say(line: Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// The file to which [`notice`] adds lines.
pub const NOTICES: &str = "SIGNET_NOTICES";

/// Says what a maintainer should do although nothing failed. `cargo xtask test` repeats it at its
/// end.
///
/// # Errors
/// The file for notices cannot be written.
pub fn notice(line: &str) -> std::io::Result<()> {
    say(format_args!("notice: {line}"));
    let Some(path) = std::env::var_os(NOTICES) else {
        return Ok(());
    };
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    writeln!(file, "notice: {line}")
}

/// `4 min 30 s`, `40 s` or `0.4 s`.
pub fn duration(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
