//! ServiceAccounts of whom only the tokens are wanted: Signet makes them, or a test does.

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use serde_json::json;
use signet_testbed::installation::{NAMESPACE, SERVICE_ACCOUNT};

use crate::TestNamespace;
use crate::keys::secrets;

const RBAC: &str = "rbac.authorization.k8s.io";
const ROLE: &str = "signet-tokens";

/// The issuer in the API server's tokens.
pub const API_SERVER: &str = "kubernetes.default.svc.cluster.local";

impl TestNamespace {
    /// Makes a ServiceAccount without any right.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn robot(&self, name: &str) -> Result<()> {
        let metadata = json!({ "name": name });
        let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata });
        self.create_object(account).await?;
        Ok(())
    }

    /// Lets the operator make tokens of one ServiceAccount, as the pages of the backends show it.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn lets_signet_make_tokens_of(&self, account: &str) -> Result<()> {
        self.create_object(json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "Role", "metadata": { "name": ROLE },
            "rules": [{
                "apiGroups": [""], "resources": ["serviceaccounts/token"],
                "resourceNames": [account], "verbs": ["create"],
            }],
        }))
        .await?;
        self.create_object(json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding", "metadata": { "name": ROLE },
            "roleRef": { "apiGroup": RBAC, "kind": "Role", "name": ROLE },
            "subjects": [{
                "kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": NAMESPACE,
            }],
        }))
        .await?;
        Ok(())
    }

    /// A token of a ServiceAccount, for this audience or for the API server itself.
    ///
    /// # Errors
    /// The API server makes none.
    pub async fn token_of(&self, account: &str, audience: Option<&str>) -> Result<String> {
        let wanted = TokenRequest {
            spec: Some(TokenRequestSpec {
                audiences: audience.map(|audience| vec![audience.to_owned()]),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let accounts = self.api::<ServiceAccount>();
        let made = accounts
            .create_token_request(account, &PostParams::default(), &wanted)
            .await?;
        let token = made.status.and_then(|made| made.token);
        Ok(secrets::note(
            token.context("the API server makes a token")?,
        ))
    }
}
