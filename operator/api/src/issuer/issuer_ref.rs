//! A parent issuer that signs through cert-manager's CertificateRequest.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signet_keys::ServiceAccountReference;

use super::spec::CaRequest;
use crate::duration::GoDuration;

/// The issuer above, and what is requested from it. A change starts a new CA generation, except that
/// of `serviceAccountRef`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.group != 'signet.dev' || self.kind != 'MeshCA'",
    "message": "a MeshCA signs no requests; name an Issuer or a ClusterIssuer in issuerRef",
}]))]
pub struct IssuerRef {
    /// The name of the issuer above.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its kind, such as `Issuer` or `ClusterIssuer`. A namespaced kind is looked up in the namespace
    /// of the Issuer or MeshCA or, for a ClusterIssuer, in the cluster resource namespace. Defaults to
    /// `Issuer`.
    #[serde(default = "issuer")]
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Its API group, such as `awspca.cert-manager.io` or `signet.dev`. Defaults to
    /// `cert-manager.io`.
    #[serde(default = "cert_manager")]
    #[schemars(length(min = 1, max = 253))]
    pub group: String,
    /// The ServiceAccount in the namespace of the Issuer or MeshCA in whose name the
    /// CertificateRequest is made, so that approvers judge the namespace and not Signet. Required for
    /// both. A ClusterIssuer has none: its request is made by Signet's own account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_ref: Option<ServiceAccountReference>,
    /// The lifetime to request. The parent may grant another one. Defaults to 90 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<GoDuration>,
    /// What the CSR requests.
    #[serde(flatten)]
    pub request: CaRequest,
}

/// cert-manager's own default (rule A3-28).
const DEFAULT_DURATION: GoDuration = GoDuration(Duration::from_secs(90 * 24 * 3600));

impl IssuerRef {
    /// Returns the lifetime to request.
    pub fn duration(&self) -> GoDuration {
        self.duration.unwrap_or(DEFAULT_DURATION)
    }
}

fn issuer() -> String {
    "Issuer".to_owned()
}

fn cert_manager() -> String {
    "cert-manager.io".to_owned()
}

/// Which changes ask for another CA certificate.
#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::CertificateSpec;

    fn canonical(issuer_ref: &Value) -> String {
        let spec = json!({ "issuerRef": issuer_ref });
        let spec: CertificateSpec = serde_json::from_value(spec).unwrap();
        spec.canonical()
    }

    #[test]
    fn a_default_is_the_same_as_its_value() {
        let short = json!({ "name": "root" });
        let long = json!({ "name": "root", "kind": "Issuer", "group": "cert-manager.io" });
        assert_eq!(canonical(&short), canonical(&long));
    }

    #[test]
    fn every_field_but_the_account_asks_for_another_certificate() {
        let before = canonical(&json!({ "name": "root" }));
        let with = |field: &str, value: Value| {
            let mut issuer_ref = json!({ "name": "root" });
            issuer_ref[field] = value;
            canonical(&issuer_ref)
        };
        for (field, value) in [
            ("name", json!("other")),
            ("kind", json!("ClusterIssuer")),
            ("group", json!("signet.dev")),
            ("duration", json!("24h")),
            ("subject", json!("CN=other")),
            ("pathLength", json!(0)),
            (
                "nameConstraints",
                json!({ "permitted": { "dnsDomains": ["example.org"] } }),
            ),
        ] {
            assert_ne!(with(field, value), before, "{field}");
        }
        let account = json!({ "name": "robot" });
        assert_eq!(with("serviceAccountRef", account), before);
    }
}
