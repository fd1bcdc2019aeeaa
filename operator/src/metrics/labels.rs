//! Labels, none of which can grow without bound: issuers that exist, and closed lists.

use prometheus_client::encoding::EncodeLabelSet;
use signet_core::reason::Reason;
use signet_core::request::Api;

use crate::issuer_name::IssuerName;

/// The labels of an issuer; empty for an issuer that does not exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct IssuerLabels {
    issuer_kind: &'static str,
    issuer_namespace: String,
    issuer: String,
}

impl From<&IssuerName> for IssuerLabels {
    fn from(name: &IssuerName) -> Self {
        Self {
            issuer_kind: name.kind.as_str(),
            issuer_namespace: name.namespace.clone(),
            issuer: name.name.clone(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct GenerationLabels {
    #[prometheus(flatten)]
    issuer: IssuerLabels,
    generation: u32,
}

impl GenerationLabels {
    pub(super) fn new(issuer: &IssuerName, generation: u32) -> Self {
        Self {
            issuer: IssuerLabels::from(issuer),
            generation,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StateLabels {
    #[prometheus(flatten)]
    generation: GenerationLabels,
    state: &'static str,
}

impl StateLabels {
    pub(super) fn new(generation: GenerationLabels, state: &'static str) -> Self {
        Self { generation, state }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    api: &'static str,
    #[prometheus(flatten)]
    issuer: IssuerLabels,
    outcome: &'static str,
    reason: &'static str,
}

impl RequestLabels {
    pub(super) fn new(
        api: Api,
        issuer: Option<&IssuerName>,
        outcome: &'static str,
        reason: Reason,
    ) -> Self {
        Self {
            api: api.as_str(),
            issuer: issuer.map(IssuerLabels::from).unwrap_or_default(),
            outcome,
            reason: reason.as_str(),
        }
    }
}

/// Who used a key: a namespace, [`OTHERS`], or empty for users without one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TenantLabels {
    #[prometheus(flatten)]
    issuer: IssuerLabels,
    namespace: String,
}

impl TenantLabels {
    pub(super) fn new(issuer: &IssuerName, namespace: &str) -> Self {
        Self {
            issuer: IssuerLabels::from(issuer),
            namespace: namespace.to_owned(),
        }
    }
}

/// The resource of a watch; the operator watches those of a closed list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WatchLabels {
    resource: String,
}

impl WatchLabels {
    pub(super) fn new(resource: &str) -> Self {
        let resource = resource.to_owned();
        Self { resource }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WatchFailureLabels {
    #[prometheus(flatten)]
    watch: WatchLabels,
    reason: &'static str,
}

impl WatchFailureLabels {
    pub(super) fn new(resource: &str, reason: &'static str) -> Self {
        Self {
            watch: WatchLabels::new(resource),
            reason,
        }
    }
}

/// A label and its value.
pub(super) type Label = (&'static str, &'static str);
