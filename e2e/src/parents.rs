//! The CertificateRequests that Signet makes for its own CA certificates.

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use signet_api::IssuerKind;
use signet_api::external::certificate_request::CertificateRequest;
use signet_testbed::installation::NAMESPACE;
use signet_testbed::wait::{Observation, until};

use crate::user::Rule;
use crate::{IssuerRef, TestNamespace};

/// The ServiceAccount in whose name an Issuer's requests are made.
pub const ACCOUNT: &str = "ca-requester";

/// What that account needs, as docs/sources/issuer-ref.md shows it.
pub const REQUESTS: Rule = Rule {
    group: "cert-manager.io",
    resource: "certificaterequests",
    verbs: &["create", "get", "delete"],
    names: &[],
};

impl TestNamespace {
    /// Makes the ServiceAccount of an Issuer's requests, with both Roles.
    ///
    /// # Errors
    /// The API server does not take them.
    pub async fn ca_requester(&self) -> Result<()> {
        self.service_account(ACCOUNT, &[REQUESTS]).await?;
        self.lets_signet_make_tokens_of(ACCOUNT).await
    }

    fn requests_of(&self, issuer: &IssuerRef) -> (Api<CertificateRequest>, String) {
        let namespace = match issuer.kind {
            IssuerKind::Issuer | IssuerKind::MeshCA => self.name(),
            IssuerKind::ClusterIssuer => NAMESPACE,
        };
        (
            Api::namespaced(self.bed().client(), namespace),
            namespace.to_owned(),
        )
    }

    /// Waits for the request of a generation's attempt, other than the one with this UID.
    ///
    /// # Errors
    /// Signet makes none.
    pub async fn parent_request(
        &self,
        issuer: &IssuerRef,
        (generation, attempt): (u32, u32),
        before: Option<&str>,
    ) -> Result<CertificateRequest> {
        let kind = issuer.kind.as_str().to_lowercase();
        let prefix = format!("{kind}-{}-{generation}-{attempt}-", issuer.name);
        let (api, _) = self.requests_of(issuer);
        let observe = async || {
            let found = api.list(&ListParams::default()).await?.items;
            let names: Vec<_> = found.iter().map(ResourceExt::name_any).collect();
            let is_it = |one: &CertificateRequest| {
                one.name_any().starts_with(&prefix) && one.metadata.uid.as_deref() != before
            };
            let request = found.into_iter().find(is_it);
            Ok(request.map_or_else(
                || Observation::Progress(format!("{names:?}")),
                Observation::Reached,
            ))
        };
        until(format!("the request {prefix}"), observe).await
    }

    /// Waits for the request of a generation's attempt, and approves it.
    ///
    /// # Errors
    /// Any step of it.
    pub async fn approve_parent(&self, issuer: &IssuerRef, generation: u32) -> Result<String> {
        let request = self.parent_request(issuer, (generation, 1), None).await?;
        let (_, namespace) = self.requests_of(issuer);
        self.approve_in(&namespace, &request.name_any()).await?;
        Ok(request.name_any())
    }

    /// Denies the request of a generation's attempt.
    ///
    /// # Errors
    /// Any step of it.
    pub async fn deny_parent(
        &self,
        issuer: &IssuerRef,
        of: (u32, u32),
    ) -> Result<CertificateRequest> {
        let request = self.parent_request(issuer, of, None).await?;
        let (_, namespace) = self.requests_of(issuer);
        self.deny_in(&namespace, &request.name_any()).await?;
        Ok(request)
    }

    /// Deletes one of an issuer's requests.
    ///
    /// # Errors
    /// The API server does not.
    pub async fn delete_parent_request(&self, issuer: &IssuerRef, name: &str) -> Result<()> {
        let (api, _) = self.requests_of(issuer);
        api.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Waits until a request is gone.
    ///
    /// # Errors
    /// It stays.
    pub async fn wait_until_request_is_gone(&self, issuer: &IssuerRef, name: &str) -> Result<()> {
        let (api, _) = self.requests_of(issuer);
        let observe = async || {
            let found = api.get_opt(name).await?;
            Ok(Observation::reached_if(found.is_none(), "it is there"))
        };
        until(format!("the end of {name}"), observe).await
    }

    /// Writes what a parent would: a double, since no real one does what tests need.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn answer_as_parent(
        &self,
        issuer: &IssuerRef,
        request: &str,
        (status, reason, message): (&str, &str, &str),
        signed: Option<(&str, &str)>,
    ) -> Result<()> {
        let condition = json!({
            "type": "Ready", "status": status, "reason": reason, "message": message,
            "lastTransitionTime": Time(Timestamp::now()),
        });
        let mut body: Value = json!({ "conditions": [condition] });
        if let Some((chain, ca)) = signed {
            body["certificate"] = json!(STANDARD.encode(chain));
            body["ca"] = json!(STANDARD.encode(ca));
        }
        let patch = json!({
            "apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "status": body,
        });
        let params = PatchParams::apply("e2e-parent-double").force();
        let (api, _) = self.requests_of(issuer);
        api.patch_status(request, &params, &Patch::Apply(patch))
            .await?;
        Ok(())
    }
}
