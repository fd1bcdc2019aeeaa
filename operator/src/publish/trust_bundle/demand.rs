//! Whether an issuer has a ClusterTrustBundle. Pure.

use signet_api::{IssuerKind, IssuerSpec};

/// What the operator's flags allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// ClusterTrustBundles at all.
    pub any: bool,
    /// Those of Issuers.
    pub of_issuers: bool,
}

/// Whether an issuer has a ClusterTrustBundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustBundleDemand {
    /// It has one.
    Object,
    /// None is asked for, but one that exists is read by someone and kept up to date.
    WhatExists,
    /// It has none.
    Nothing,
    /// It asks for one, and this chart value has to allow it.
    Denied(&'static str),
    /// Signet reads and writes none.
    Off,
}

impl TrustBundleDemand {
    /// Without a spec, what the issuer of this kind has left.
    pub fn new(issuer: IssuerKind, spec: Option<&IssuerSpec>, allowed: Allowed) -> Self {
        let bundle = spec.and_then(|spec| spec.bundle.as_ref());
        let wish = bundle.and_then(|bundle| bundle.cluster_trust_bundle);
        let has_trust_domain = spec.is_some_and(|spec| spec.spiffe.is_some());
        let is_allowed = match issuer {
            IssuerKind::ClusterIssuer => true,
            IssuerKind::Issuer => allowed.of_issuers,
            // The mesh publishes its roots itself.
            IssuerKind::MeshCA => return Self::Off,
        };
        match (wish, allowed.any, is_allowed) {
            (Some(true), false, _) => Self::Denied("bundles.clusterTrustBundles.enabled"),
            (_, false, _) => Self::Off,
            (Some(false), ..) => Self::Nothing,
            (Some(true), _, true) => Self::Object,
            (None, _, true) if has_trust_domain => Self::Object,
            (Some(true), _, false) => Self::Denied("bundles.clusterTrustBundles.issuers"),
            (None, ..) => Self::WhatExists,
        }
    }

    /// Returns whether an object has to be there. `exists` is whether it is, by Signet.
    pub(in super::super) fn requires(self, exists: bool) -> bool {
        match self {
            Self::Object | Self::Denied(_) => true,
            Self::WhatExists => exists,
            Self::Nothing | Self::Off => false,
        }
    }
}
