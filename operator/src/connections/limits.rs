//! How much is asked of an issuer's key at most.

use signet_api::IssuerSpec;
use signet_keys::Limits;

/// What no issuer's limits exceed, by the operator's flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Signatures a second; none for no cap.
    pub per_second: Option<u32>,
    /// Signatures at the same time; none for no cap.
    pub at_once: Option<u16>,
}

/// The spec's limits, or the backend's own where it says nothing, under the caps.
pub(super) fn limits(spec: &IssuerSpec, caps: Caps) -> Limits {
    let own = spec.key.backend().limits();
    let said = spec.key_limits.unwrap_or_default();
    let per_second = said.signatures_per_second.or(own.per_second);
    let at_once = said.at_once.unwrap_or(own.at_once);
    Limits {
        per_second: per_second.into_iter().chain(caps.per_second).min(),
        at_once: caps.at_once.map_or(at_once, |cap| cap.min(at_once)),
    }
}
