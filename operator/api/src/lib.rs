//! Signet's Kubernetes API, group `signet.dev`, version `v1alpha1`; and the few cert-manager
//! fields that Signet reads and writes.
//!
//! The doc comments of the types are the documentation that `kubectl explain` shows.
#![warn(missing_docs)]

pub mod conditions;
pub mod crds;
pub mod duration;
pub mod external;
mod generation;
mod issuer;

pub use generation::{CAGeneration, CAGenerationSpec, GenerationKey, IssuerReference};
pub use issuer::{
    AllowedRequesters, CaProfile, CaSummary, CertificateSource, CertificateSpec, ClusterIssuer,
    ClusterIssuerSpec, Existing, GenerationState, Issuer, IssuerKind, IssuerResource, IssuerSpec,
    IssuerStatus, KeyLimits, Profile, RequesterCertificates, RequesterServiceAccount, SelfSigned,
    SpiffeSpec,
};

/// The API group.
pub const GROUP: &str = "signet.dev";
