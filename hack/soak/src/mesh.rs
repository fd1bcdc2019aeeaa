//! istiod that signs with the `cacerts` of a MeshCA, while that is renewed, gets another key and
//! another root. Its workloads connect all the time, two behind Envoy and two with Go.
//!
//! Signet writes `cacerts`, a stand-in for the kubelet delivers it late, and istiod issues leaves
//! over its own API. Each workload knows only the roots that came with its last leaf.

mod above;
mod delivery;
mod objects;
mod outcome;
mod report;
mod run;
mod setup;
mod two_changes;
mod workloads;

use std::time::Duration;

use crate::Pace;
use crate::bed::Kills;
pub use outcome::{MeshOutcome, Phase};
pub use report::{markdown, summary, svg_name};
pub use run::run;
pub(crate) use workloads::Workloads;

/// What a run is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeshScenario {
    /// Every link is replaced by Signet: no handshake may fail.
    Rotations,
    /// The soak itself writes another root and a CA below it to `cacerts` in one write, so
    /// handshakes must fail.
    Control,
}

impl MeshScenario {
    /// Returns its name, which is also the namespace of its istiod.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rotations => "mesh",
            Self::Control => "mesh-control",
        }
    }
}

/// How long lifetimes are, and how much has to happen.
#[derive(Clone, Debug)]
pub struct MeshSizes {
    /// How long leaves live, and how often workloads connect. Its lag is not used.
    pub pace: Pace,
    /// `propagation` of the MeshCA.
    pub propagation: Duration,
    /// How late the kubelet delivers, in turn.
    pub delivery: &'static [Duration],
    /// The minimum number of handshakes through each kind of rotation.
    pub handshakes: u64,
    /// How often the operator is killed.
    pub kill: Kills,
    /// The minimum number of kills of the operator.
    pub kills: usize,
    /// How many handshakes may be left out because a leaf was not renewed in time.
    pub max_late: u64,
}

impl MeshSizes {
    /// The form that `cargo xtask test` runs.
    pub fn short() -> Self {
        const DELIVERY: [Duration; 3] = seconds([1, 4, 2]);
        Self {
            pace: Pace {
                leaf: Duration::from_secs(20),
                lag: Duration::ZERO,
                rate: 40,
            },
            propagation: Duration::from_secs(15),
            delivery: &DELIVERY,
            handshakes: 1000,
            kill: Kills::Few,
            kills: 1,
            max_late: u64::MAX,
        }
    }

    /// The form that `cargo xtask soak --mesh` runs.
    pub fn long() -> Self {
        const DELIVERY: [Duration; 5] = seconds([1, 8, 3, 15, 5]);
        Self {
            pace: Pace {
                leaf: Duration::from_secs(60),
                lag: Duration::ZERO,
                rate: 100,
            },
            propagation: Duration::from_secs(30),
            delivery: &DELIVERY,
            handshakes: 10_000,
            kill: Kills::Many,
            kills: 3,
            max_late: 0,
        }
    }
}

const fn seconds<const N: usize>(seconds: [u64; N]) -> [Duration; N] {
    let mut durations = [Duration::ZERO; N];
    let mut index = 0;
    while index < N {
        durations[index] = Duration::from_secs(seconds[index]);
        index += 1;
    }
    durations
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That is what `propagation` means.
    #[test]
    fn the_kubelet_is_faster_than_the_propagation() {
        for sizes in [MeshSizes::short(), MeshSizes::long()] {
            assert!(
                sizes
                    .delivery
                    .iter()
                    .all(|late| *late * 2 <= sizes.propagation)
            );
        }
    }
}
