//! How long the certificate is valid.

use std::time::Duration;

use super::Rules;
use crate::request::{DEFAULT_DURATION, Request};

/// Returns the requested lifetime.
///
/// An annotation may change after the approval. In a trust domain it can shorten the default
/// lifetime, and not extend it.
pub(super) fn decide(request: &Request, rules: &Rules) -> Duration {
    if rules.trust_domain.is_some() && request.raw.annotated.duration {
        request.duration.min(DEFAULT_DURATION)
    } else {
        request.duration
    }
}
