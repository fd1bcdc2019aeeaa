//! What `signet check` knows of a cluster.

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use signet_api::{IssuerKind, IssuerStatus};

use crate::issuer_name::IssuerName;
use crate::permissions::Permission;
use crate::requests::backlog::Backlog;

/// A fact, or why it is not known.
pub(super) type Fact<T> = Result<T, String>;

#[derive(Debug)]
pub(super) struct Facts {
    pub(super) now: Timestamp,
    /// The version of the API server.
    pub(super) kubernetes: String,
    /// The user of the command.
    pub(super) user: String,
    /// Of Signet's own kinds.
    pub(super) crds: Vec<Crd>,
    /// What the operator's ServiceAccount may do.
    pub(super) reviews: Fact<Vec<Review>>,
    /// Of cert-manager's CertificateRequests.
    pub(super) certificate_requests: Crd,
    /// The version in cert-manager's labels.
    pub(super) cert_manager: Fact<Option<String>>,
    /// Whether the approver may approve for each kind of issuer, by the names of their signers.
    pub(super) approvals: Fact<Vec<(&'static str, bool)>>,
    pub(super) lease: Fact<Option<Lease>>,
    pub(super) issuers: Vec<Issuers>,
    /// In each API that is enabled and that the cluster has.
    pub(super) requests: Vec<Requests>,
}

/// A kind in the version that Signet uses.
#[derive(Debug)]
pub(super) struct Crd {
    /// The name of the definition.
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// Whether the API server serves this version.
    pub(super) is_served: Fact<bool>,
    pub(super) definition: Fact<Option<Box<CustomResourceDefinition>>>,
}

/// The response to whether a ServiceAccount has a permission.
#[derive(Clone, Debug)]
pub(super) struct Review {
    pub(super) wanted: Wanted,
    pub(super) is_allowed: bool,
}

/// A permission, where it is required.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    /// None for the whole cluster.
    pub(super) namespace: Option<String>,
    pub(super) permission: Permission,
    /// The name that it is limited to; none for all.
    pub(super) name: Option<&'static str>,
}

/// The issuers of a kind.
#[derive(Debug)]
pub(super) struct Issuers {
    pub(super) kind: IssuerKind,
    pub(super) found: Fact<Vec<Issuer>>,
}

#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) name: IssuerName,
    /// Fails for an object that does not match the schema.
    pub(super) state: Fact<State>,
}

#[derive(Debug)]
pub(super) struct State {
    /// The `metadata.generation`.
    pub(super) generation: Option<i64>,
    /// The key that the spec refers to.
    pub(super) key: String,
    pub(super) status: Option<IssuerStatus>,
}

/// The requests of an API that wait.
#[derive(Debug)]
pub(super) struct Requests {
    pub(super) kind: &'static str,
    pub(super) found: Fact<Backlog>,
}
