//! How long a certificate may be valid.

use std::time::Duration;

use super::{Kind, Rules};
use crate::request::{DEFAULT_DURATION, Request};

/// The minimum of remaining CA lifetime if the profile does not set one.
pub const DEFAULT_MIN_DURATION: Duration = Duration::from_secs(3600);

/// The limits of lifetimes, from an issuer's profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LifetimeLimits {
    /// The maximum lifetime of a leaf; none is without limit.
    pub max_leaf: Option<Duration>,
    /// The maximum lifetime of a CA certificate; none is without limit.
    pub max_ca: Option<Duration>,
    /// How far the CA's expiry may shorten a lifetime.
    pub shortening: Shortening,
}

/// How far the expiry of the CA, or of one above it, may shorten a certificate (PKI-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortening {
    /// To what remains of the CA's lifetime, which must be at least this, or at least the requested
    /// lifetime if that is less.
    AtLeast(Duration),
    /// Not at all: the request waits until the CA is renewed.
    Never,
}

impl Default for Shortening {
    fn default() -> Self {
        Self::AtLeast(DEFAULT_MIN_DURATION)
    }
}

impl LifetimeLimits {
    /// Returns the maximum lifetime of a certificate of this kind; none is without limit.
    pub fn max(&self, kind: Kind) -> Option<Duration> {
        match kind {
            Kind::Leaf => self.max_leaf,
            Kind::Ca { .. } => self.max_ca,
        }
    }
}

/// Returns the lifetime to be granted, and whether the profile's maximum shortened it.
pub(super) fn decide(request: &Request, rules: &Rules, kind: Kind) -> (Duration, bool) {
    let requested = requested(request, rules);
    match rules.lifetimes.max(kind) {
        Some(max) if max < requested => (max, true),
        _ => (requested, false),
    }
}

/// An annotation may change after the approval. In a trust domain it can shorten the default
/// lifetime, and not extend it.
fn requested(request: &Request, rules: &Rules) -> Duration {
    match rules.trust_domain {
        Some(_) if request.raw.annotated.duration => request.duration.min(DEFAULT_DURATION),
        _ => request.duration,
    }
}
