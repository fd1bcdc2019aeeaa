//! How much is asked of an issuer's key at most.

use signet_api::IssuerSpec;
use signet_keys::Limits;

/// What no issuer's limits exceed, by the operator's flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Signatures a second; none for no cap.
    pub per_second: Option<u32>,
    /// Certificates in flight; none for no cap.
    pub max_in_flight: Option<u16>,
}

/// The spec's limits, or the backend's own where it says nothing, under the caps.
pub(super) fn limits(spec: &IssuerSpec, caps: Caps) -> Limits {
    let own = spec.key.backend().limits();
    let spec_limits = spec.key_limits.unwrap_or_default();
    let per_second = spec_limits.signatures_per_second.or(own.per_second);
    let max_in_flight = spec_limits.max_in_flight.unwrap_or(own.max_in_flight);
    Limits {
        per_second: per_second.into_iter().chain(caps.per_second).min(),
        max_in_flight: caps
            .max_in_flight
            .map_or(max_in_flight, |cap| cap.min(max_in_flight)),
    }
}
