//! `Issuer` and `ClusterIssuer`: one spec, one status, two scopes.

mod kinds;
mod requesters;
mod spec;
mod status;

pub use kinds::{ClusterIssuer, ClusterIssuerSpec, Issuer, IssuerKind, IssuerResource, IssuerSpec};
pub use requesters::{AllowedRequesters, RequesterCertificates, RequesterServiceAccount};
pub use spec::{
    CaProfile, CertificateSource, CertificateSpec, Existing, KeyLimits, Profile, SelfSigned,
    SpiffeSpec,
};
pub use status::{CaSummary, GenerationState, IssuerStatus};
