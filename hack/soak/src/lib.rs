//! Real TLS servers and clients that shake hands while every link above their certificates is
//! replaced: the intermediate renews, its key rotates, the root above it rotates, and the operator
//! is killed in between. No handshake may fail.
//!
//! - [`peers`]: rustls, OpenSSL and Go, each client with each server, with mutual TLS.
//! - [`consumers`]: who has which leaf, and learns of roots in which way.
//! - [`fleet`]: what they do by themselves; the demo shows it too.
//! - [`run`]: the rotations of one issuer; the control is the same with another delay.
//! - [`mesh`]: the same for istiod with the CA of a MeshCA, with Envoy as sidecars.
//! - [`report`] and [`plot`]: what became of it.

pub mod bed;
pub mod certificate;
pub mod consumers;
pub mod fleet;
pub mod generations;
mod handshakes;
mod history;
mod leaf_issuer;
pub mod mesh;
mod offline_root;
mod outcome;
pub mod peers;
pub mod plot;
mod progress;
mod renewal;
pub mod report;
mod run;
pub mod timeline;

use std::time::Duration;

use bed::Kills;
pub use fleet::{Fleet, Pace};
pub use handshakes::{Count, Tally};
pub use history::History;
pub use outcome::Outcome;
pub use run::{Scenario, run};

/// How long lifetimes are, and how much has to happen.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// How long leaves live, and how often consumers connect.
    pub pace: Pace,
    /// The lifetime of intermediates, which renew after a tenth of it.
    pub ca: Duration,
    /// The minimum number of handshakes.
    pub handshakes: u64,
    /// The minimum number of rotations of each kind.
    pub rotations: usize,
    /// How often the operator is killed.
    pub kill: Kills,
    /// The minimum number of kills of the operator.
    pub kills: usize,
    /// How many handshakes may be left out because a leaf was not renewed in time, as on a machine
    /// that is too slow.
    pub max_late: u64,
}

impl Sizes {
    /// The form that `cargo xtask test` runs.
    pub fn short() -> Self {
        Self {
            pace: Pace {
                leaf: Duration::from_secs(30),
                lag: Duration::from_secs(15),
                rate: 40,
            },
            ca: Duration::from_secs(200),
            handshakes: 2000,
            rotations: 2,
            kill: Kills::Few,
            kills: 2,
            max_late: u64::MAX,
        }
    }

    /// The form that `cargo xtask soak` runs.
    pub fn long() -> Self {
        Self {
            pace: Pace {
                leaf: Duration::from_secs(60),
                lag: Duration::from_secs(30),
                rate: 100,
            },
            ca: Duration::from_secs(300),
            handshakes: 100_000,
            rotations: 10,
            kill: Kills::Many,
            kills: 20,
            max_late: 0,
        }
    }
}
