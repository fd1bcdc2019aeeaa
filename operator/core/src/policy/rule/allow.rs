//! What a rule allows.

use std::time::Duration;

use super::{AllowedNames, RuleLimits};
use crate::policy::pattern::PathPattern;

/// What the requesters of a rule may have. What is not listed is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// Which SPIFFE IDs, on an issuer with a trust domain.
    pub spiffe_ids: SpiffeIds,
    /// Which other names.
    pub names: AllowedNames,
    /// Whether names besides the SPIFFE ID that no list has are allowed.
    pub unlisted: Unlisted,
    /// Whether a requested DNS name may be a wildcard (RFC 6125 6.4.3): its `*` is then compared
    /// with a `*` of a pattern.
    pub wildcards: bool,
    /// CA certificates; none refuses them. The holder of a CA certificate can give any name to
    /// anyone, so the names in it are not checked against the lists.
    pub ca: Option<CaRight>,
    /// The limits, within those of the issuer.
    pub limits: RuleLimits,
}

/// SPIFFE IDs, as paths within the trust domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpiffeIds {
    /// The patterns, of which one must match.
    pub patterns: Vec<PathPattern>,
    /// What Signet adds to a request that names no identity: a path without wildcards. Without it,
    /// that of the kind of requester (`/ns/{namespace}/sa/{serviceAccount}` for a ServiceAccount
    /// and a pod, `/ns/{namespace}/certificate/{certificate}` for a Certificate), if a pattern
    /// matches it. A delegate has none: see `OwnNames`.
    pub default: Option<PathPattern>,
}

/// Whether what is not listed is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unlisted {
    /// It is refused.
    #[default]
    Refused,
    /// It is allowed: only the SPIFFE ID is checked.
    Allowed,
}

/// The right to CA certificates, within `spec.profile.ca`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaRight {
    /// The maximum path length.
    pub path_length: u8,
    /// The maximum lifetime; none is that of the profile.
    pub max_duration: Option<Duration>,
}
