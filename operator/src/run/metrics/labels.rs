//! Labels, none of which can grow without bound: issuers that exist, and closed lists.

use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use signet_core::reason::Reason;
use signet_core::request::Api;

use crate::issuer_name::IssuerName;

/// The labels of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct IssuerLabels(pub(super) IssuerName);

impl EncodeLabelSet for IssuerLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        use prometheus_client::encoding::EncodeLabel;
        ("issuer_kind", self.0.kind.as_str()).encode(encoder.encode_label())?;
        ("issuer_namespace", self.0.namespace.as_str()).encode(encoder.encode_label())?;
        ("issuer", self.0.name.as_str()).encode(encoder.encode_label())
    }
}

/// The labels of a decided request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    api: &'static str,
    issuer_kind: &'static str,
    issuer_namespace: String,
    issuer: String,
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
            issuer_kind: issuer.map_or("", |issuer| issuer.kind.as_str()),
            issuer_namespace: issuer
                .map(|issuer| issuer.namespace.clone())
                .unwrap_or_default(),
            issuer: issuer.map(|issuer| issuer.name.clone()).unwrap_or_default(),
            outcome,
            reason: reason.as_str(),
        }
    }
}

/// The label of a key backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BackendLabels {
    pub(super) backend: &'static str,
}

/// The labels of what went wrong with a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KeyErrorLabels {
    pub(super) backend: &'static str,
    pub(super) reason: &'static str,
}
