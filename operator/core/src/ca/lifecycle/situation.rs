//! What the lifecycle decides on.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::ca::{Certified, Generation, Root};

/// Everything that a plan depends on, observed once.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The time.
    pub now: Timestamp,
    /// Every generation, in the order of their numbers.
    pub generations: &'a [Generation],
    /// The highest number that any other trace has: `status.ca`, the names of requests.
    pub highest_number: u32,
    /// What the issuer asks for.
    pub spec: &'a Spec,
    /// The key in the spec.
    pub key: &'a KeyState,
    /// Whether the key of the active generation is known to be gone.
    pub active_key_gone: bool,
    /// The certificate that the source has for the next generation, once it passed the checks. For
    /// a source that only has what exists, the certificate that exists now.
    pub offered: Option<&'a Certified>,
    /// The fingerprints of the roots that are in the bundle, in every place where it is published.
    pub published: &'a BTreeSet<String>,
    /// The fingerprints of the roots that are in the bundle of the status. Where an activation cannot
    /// wait for the bundle's other places, this is enough.
    pub in_status: &'a BTreeSet<String>,
    /// The roots that the spec names.
    pub named_roots: &'a [Root],
}

impl Situation<'_> {
    /// Returns the number of the next generation.
    pub fn next_number(&self) -> Option<u32> {
        let numbers = self.generations.iter().map(|one| one.number);
        numbers.fold(self.highest_number, Ord::max).checked_add(1)
    }
}

/// The spec of an issuer, as far as the lifecycle depends on it.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// The name of `spec.key`.
    pub key_name: String,
    /// A digest of what the CA certificate is to be like.
    pub certificate: String,
    /// Whether the source follows a certificate that exists, and is never asked for one.
    pub follows_existing: bool,
    /// `rotation.requestID`.
    pub request_id: Option<String>,
    /// `rotation.activate`: the SHA-256 of a next generation's CA certificate.
    pub activate: Option<String>,
    /// `rotation.rollbackTo`: the SHA-256 of an earlier CA certificate.
    pub rollback_to: Option<String>,
    /// `rotation.revoked`: the SHA-256 of public keys.
    pub revoked: BTreeSet<String>,
    /// How the next generation is activated.
    pub activation: Activation,
    /// How long before its end a CA certificate is renewed; by default, see
    /// [`due`](super::renewal::due).
    pub renew_before: Option<Duration>,
    /// The part, below 1000, of a tenth by which this issuer's default is earlier, in thousandths.
    pub jitter: u32,
    /// The remaining lifetime below which a CA certificate signs nothing.
    pub min_duration: Duration,
    /// What is recorded for leaves at activation.
    pub default_leaf: Duration,
    /// Whether the issuer neither signs nor activates.
    pub suspend: bool,
    /// How many generations that have ended are kept.
    pub history_limit: usize,
}

/// How the next generation is activated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// When every leaf that came without its root has expired.
    #[default]
    Automatic,
    /// This long after its root was published.
    After(Duration),
    /// By a command.
    Manual,
}

/// The key that `spec.key` leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// The SHA-256 of its SubjectPublicKeyInfo, in hex.
    Found(String),
    /// There is none, or it cannot be reached now.
    Unavailable,
}

impl KeyState {
    /// Returns the key's fingerprint, if it was found.
    pub const fn found(&self) -> Option<&String> {
        match self {
            Self::Found(key) => Some(key),
            Self::Unavailable => None,
        }
    }
}
