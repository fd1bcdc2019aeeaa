//! The issuer above a server, which requests its CA by the plugin "cert-manager".

use anyhow::Result;
use serde_json::{Value, json};
use signet_testbed::controlplane::kubeconfig;
use signet_testbed::spire::Upstream;

use super::TRUST_DOMAIN;
use crate::{IssuerRef, Rule, TestNamespace};

/// The server's account, and its Role in docs/samples/spire.yaml.
const ACCOUNT: &str = "spire-server";
const RIGHTS: Rule = Rule {
    group: "cert-manager.io",
    resource: "certificaterequests",
    verbs: &["create", "get", "list", "delete"],
    names: &[],
};

impl TestNamespace {
    /// Returns the spec of the ClusterIssuer of docs/meshes/spire.md for the account of this namespace,
    /// with the key and the certificate of `spec`.
    pub fn spec_for_spire(&self, mut spec: Value, preset: &str, path_length: u8) -> Value {
        spec["spiffe"] = json!({ "trustDomain": TRUST_DOMAIN });
        spec["profile"] = json!({ "ca": { "pathLength": path_length, "maxDuration": "48h" } });
        spec["policy"] = json!({ "rules": [{
            "name": "spire", "preset": preset,
            "requesters": { "serviceAccounts": [{ "namespace": self.name(), "name": ACCOUNT }] },
        }] });
        spec
    }

    /// The plugin "cert-manager", for a server with the token of its account.
    ///
    /// # Errors
    /// The API server does not take the account, or makes no token.
    pub async fn spire_upstream(&self, issuer: &IssuerRef) -> Result<Upstream> {
        self.service_account(ACCOUNT, &[RIGHTS]).await?;
        let plane = self.bed().plane();
        let (admin, folder) = (plane.cluster().kubeconfig(), plane.folder().join("spire"));
        let name = self.name();
        Ok(Upstream::CertManager {
            kubeconfig: kubeconfig::for_service_account(admin, name, ACCOUNT, &folder).await?,
            namespace: name.to_owned(),
            issuer: issuer.name.clone(),
        })
    }
}
