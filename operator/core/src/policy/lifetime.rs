//! How long a certificate may be valid.

use std::time::Duration;

use super::case::Case;
use super::rule::Rule;
use super::{Denial, IssuerPolicy, Kind};
use crate::duration;
use crate::reason::Reason;
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

/// What shortened a requested lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// The maximum of the issuer's profile.
    Profile,
    /// The maximum of the rule.
    Rule,
}

/// Returns the lifetime to be granted, and what shortened it.
pub(super) fn decide(
    request: &Request,
    policy: &IssuerPolicy,
    rule: &Rule,
    kind: Kind,
) -> (Duration, Option<Cap>) {
    let requested = requested(request, policy, rule);
    let of_rule = [rule.allow.limits.max_duration, ca_max(rule, kind)];
    let of_rule = of_rule.into_iter().flatten().min();
    let caps = [
        (policy.lifetimes.max(kind), Cap::Profile),
        (of_rule, Cap::Rule),
    ];
    let caps = caps.into_iter().filter_map(|(max, cap)| Some((max?, cap)));
    match caps.min_by_key(|(max, _)| *max) {
        Some((max, cap)) if max < requested => (max, Some(cap)),
        _ => (requested, None),
    }
}

fn ca_max(rule: &Rule, kind: Kind) -> Option<Duration> {
    match kind {
        Kind::Leaf => None,
        Kind::Ca { .. } => rule.allow.ca.and_then(|right| right.max_duration),
    }
}

/// Refuses a lifetime below the minimum of the rule.
pub(super) fn check_rule(case: &Case<'_>, rule: &Rule) -> Result<(), Denial> {
    let requested = requested(case.request, case.policy, rule);
    match rule.allow.limits.min_duration {
        Some(min) if requested < min => Err(Reason::InvalidDuration.denial(format!(
            "the duration {} is shorter than the rule's minDuration {}; request at least that",
            duration::text(requested),
            duration::text(min)
        ))),
        _ => Ok(()),
    }
}

/// An annotation may change after the approval. In a trust domain it can shorten the default
/// lifetime, and not extend it.
fn requested(request: &Request, policy: &IssuerPolicy, rule: &Rule) -> Duration {
    let default = rule.allow.limits.default_duration;
    let default = default.unwrap_or(DEFAULT_DURATION);
    match (request.duration, &policy.trust_domain) {
        (None, _) => default,
        (Some(annotated), Some(_)) if request.raw.annotated.duration => annotated.min(default),
        (Some(requested), _) => requested,
    }
}
