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

pub use generation::{
    CAGeneration, CAGenerationSpec, GenerationCertificate, GenerationKey, GenerationPurpose,
    IssuerReference, RootTrust,
};
pub use issuer::bundle::{
    BundleKind, BundleSpec, LabelOperator, LabelRequirement, NamespaceSelector,
};
pub use issuer::kinds::{
    ClusterIssuer, ClusterIssuerSpec, Issuer, IssuerKind, IssuerResource, IssuerSpec,
};
pub use issuer::profile::{CaProfile, Profile, WhenCaExpiresFirst};
pub use issuer::requesters::{AllowedRequesters, RequesterCertificates, RequesterServiceAccount};
pub use issuer::rotation::{ActivationMode, RotationSpec};
pub use issuer::spec::{
    CaRequest, CertificateSource, CertificateSpec, Existing, KeyLimits, Manual, NameConstraints,
    SelfSigned, SpiffeSpec, Subtrees,
};
pub use issuer::status::{CaSummary, GenerationRole, GenerationState, IssuerStatus, PendingCsr};

/// The API group.
pub const GROUP: &str = "signet.dev";
