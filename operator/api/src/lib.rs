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
mod mesh_ca;

pub use generation::{
    CAGeneration, CAGenerationSpec, GenerationCertificate, GenerationKey, GenerationPurpose,
    IssuerReference, RootTrust,
};
pub use issuer::bundle::{
    BundleKind, BundleSpec, LabelOperator, LabelRequirement, NamespaceSelector,
};
pub use issuer::issuer_ref::IssuerRef;
pub use issuer::kinds::{
    ClusterIssuer, ClusterIssuerSpec, Issuer, IssuerKind, IssuerResource, IssuerSpec,
};
pub use issuer::policy::allow::{Allow, AllowedAlgorithm, AllowedKey, CaRight, UnlistedNames};
pub use issuer::policy::preset::Preset;
pub use issuer::policy::requesters::{
    AccountSelector, Delegates, LabelSelector, OwnNames, RequesterNamespaces,
    RequesterServiceAccount, Requesters,
};
pub use issuer::policy::subject::AllowedSubject;
pub use issuer::policy::{PolicyRule, PolicySpec};
pub use issuer::profile::{CaProfile, Profile, WhenCaExpiresFirst};
pub use issuer::rotation::{ActivationMode, RotationSpec};
pub use issuer::spec::{
    CaRequest, CertificateSource, CertificateSpec, CreationMode, Existing, KeyLimits, Manual,
    NameConstraints, NamespaceLimits, SelfSigned, SpiffeSpec, Subtrees,
};
pub use issuer::status::{CaSummary, GenerationRole, GenerationState, IssuerStatus, PendingCsr};
pub use issuer::trusted_roots::TrustedRootsSpec;
pub use issuer::vault_pki::VaultPkiSource;
pub use mesh_ca::{
    GenericMesh, IstioMesh, LinkerdMesh, Mesh, MeshCA, MeshCASpec, MeshCAStatus,
    MeshCertificateSpec, MeshStatus, MeshWait, SecretEntries, SpireMesh,
};

/// The API group.
pub const GROUP: &str = "signet.dev";
