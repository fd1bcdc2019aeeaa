//! cert-manager's Certificates, and CAs that it makes for Signet to take over.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, CustomResource};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signet_api::external::certificate_request::CertificateRequest;

use crate::certificate_request::is_final;
use crate::csr::Csr;
use crate::verify::{self, Issued};
use crate::{TestNamespace, ready};

/// A Certificate, as far as the tests read it.
#[derive(CustomResource, Clone, Debug, Default, Serialize, Deserialize)]
#[kube(
    group = "cert-manager.io",
    version = "v1",
    kind = "Certificate",
    namespaced,
    status = "CertificateStatus",
    schema = "disabled"
)]
pub struct CertificateSpec {
    /// All of it.
    #[serde(flatten)]
    pub fields: BTreeMap<String, Value>,
}

/// Its status.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CertificateStatus {
    /// Ready and Issuing.
    pub conditions: Vec<CertificateCondition>,
    /// How many times it was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
}

/// A condition.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificateCondition {
    #[serde(rename = "type")]
    pub type_: String,
    pub status: String,
    pub reason: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

impl Certificate {
    /// The condition of a type.
    pub fn condition(&self, type_: &str) -> Option<&CertificateCondition> {
        let mut conditions = self.status.iter().flat_map(|status| &status.conditions);
        conditions.find(|condition| condition.type_ == type_)
    }

    /// Whether a condition is True.
    pub fn is_true(&self, type_: &str) -> bool {
        self.condition(type_)
            .is_some_and(|condition| condition.status == "True")
    }

    /// How many times it was issued.
    pub fn revision(&self) -> u32 {
        self.status
            .as_ref()
            .and_then(|status| status.revision)
            .unwrap_or_default()
    }
}

/// A CA that cert-manager makes.
#[derive(Clone, Copy, Debug)]
pub struct CertManagerCa<'a> {
    /// The namespace of it all.
    pub namespace: &'a str,
    /// The name of the Certificate and of its Secret.
    pub name: &'a str,
    /// `spec.privateKey`'s algorithm and size.
    pub key: (&'static str, u32),
    /// The cert-manager Issuer that issues it.
    pub issuer: &'a str,
}

impl TestNamespace {
    /// Creates a Certificate in this namespace, with a Secret of its own name unless the spec has
    /// another one.
    ///
    /// # Errors
    /// cert-manager's webhook does not take it.
    pub async fn create_certificate(&self, name: &str, issuer: Value, spec: Value) -> Result<()> {
        let namespace = self.name().to_owned();
        self.create_certificate_in(&namespace, name, issuer, spec)
            .await
    }

    async fn create_certificate_in(
        &self,
        namespace: &str,
        name: &str,
        issuer: Value,
        mut spec: Value,
    ) -> Result<()> {
        if spec["secretName"].is_null() {
            spec["secretName"] = json!(name);
        }
        spec["issuerRef"] = issuer;
        self.create_object(json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": { "name": name, "namespace": namespace }, "spec": spec,
        }))
        .await?;
        Ok(())
    }

    /// Waits for the request that cert-manager makes for a Certificate's revision, approves it, and
    /// gives its name.
    ///
    /// # Errors
    /// There is no request in time.
    pub async fn approve_certificate(&self, name: &str, revision: u32) -> Result<String> {
        let namespace = self.name().to_owned();
        self.approve_certificate_in(&namespace, name, revision)
            .await
    }

    async fn approve_certificate_in(
        &self,
        namespace: &str,
        name: &str,
        revision: u32,
    ) -> Result<String> {
        let request = format!("{name}-{revision}");
        let api: Api<CertificateRequest> = Api::namespaced(self.bed().client(), namespace);
        self.bed().wait(&api, &request, "there", |_| true).await?;
        self.approve_in(namespace, &request).await?;
        Ok(request)
    }

    /// Waits until a Certificate is ready in this revision, and checks what is in its Secret.
    ///
    /// # Errors
    /// It does not get ready, or something is wrong with it.
    pub async fn certificate_issued(&self, name: &str, revision: u32) -> Result<Issued> {
        // First: cert-manager keeps one request of each Certificate, and may already ask once more.
        let request = self
            .wait_for_request(&format!("{name}-{revision}"), "final", is_final)
            .await?;
        let api: Api<Certificate> = self.api();
        let what = format!("ready in revision {revision}");
        let holds = |found: &Certificate| found.is_true("Ready") && found.revision() == revision;
        let certificate = self.bed().wait(&api, name, &what, holds).await?;
        let secret = certificate.spec.fields.get("secretName");
        let secret = secret.and_then(Value::as_str).unwrap_or(name);
        let data = self.secret(secret).await?.data.unwrap_or_default();
        let text = |key: &str| -> Result<String> {
            let value = data
                .get(key)
                .with_context(|| format!("the Secret has {key}"))?;
            Ok(String::from_utf8(value.0.clone())?)
        };
        let (chain, roots) = (text("tls.crt")?, text("ca.crt")?);
        ensure!(
            ready(&request).is_some_and(|ready| ready.status == "True"),
            "{request:?}"
        );
        let private_key = text("tls.key")?;
        let keys = (Csr::public_key_of_secret(&private_key)?, private_key);
        verify::check(&chain, &roots, self.expected(&request, keys).await?)
    }

    /// Requests another revision of a Certificate, as `cmctl renew` does.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn renew_certificate(&self, name: &str) -> Result<()> {
        let issuing = json!({
            "type": "Issuing", "status": "True", "reason": "ManuallyTriggered",
            "message": "Certificate re-issuance manually triggered",
            "lastTransitionTime": Timestamp::now().round(jiff::Unit::Second)?.to_string(),
        });
        let patch = json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "status": { "conditions": [issuing] },
        });
        let api: Api<Certificate> = self.api();
        let params = PatchParams::apply("e2e").force();
        api.patch_status(name, &params, &Patch::Apply(patch))
            .await?;
        Ok(())
    }

    /// Makes cert-manager's SelfSigned issuer.
    ///
    /// # Errors
    /// cert-manager's webhook does not take it.
    pub async fn self_signed_issuer(&self, namespace: &str, name: &str) -> Result<()> {
        self.cert_manager_issuer(namespace, name, json!({ "selfSigned": {} }))
            .await
    }

    /// Makes an issuer of cert-manager's.
    ///
    /// # Errors
    /// cert-manager's webhook does not take it.
    pub async fn cert_manager_issuer(
        &self,
        namespace: &str,
        name: &str,
        spec: Value,
    ) -> Result<()> {
        self.create_object(json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": { "name": name, "namespace": namespace }, "spec": spec,
        }))
        .await?;
        Ok(())
    }

    /// Has cert-manager make a CA into a Secret, and gives that.
    ///
    /// # Errors
    /// It is not made in time.
    pub async fn cert_manager_ca(&self, ca: CertManagerCa<'_>) -> Result<Secret> {
        let CertManagerCa {
            namespace,
            name,
            key: (algorithm, size),
            issuer,
        } = ca;
        let spec = json!({
            "isCA": true,
            "commonName": name,
            "privateKey": { "algorithm": algorithm, "size": size },
        });
        self.create_certificate_in(namespace, name, json!({ "name": issuer }), spec)
            .await?;
        self.cert_manager_ca_renewed(ca, 1).await
    }

    /// Approves a revision of a CA and waits until its Secret holds it.
    ///
    /// # Errors
    /// It is not made in time.
    pub async fn cert_manager_ca_renewed(
        &self,
        ca: CertManagerCa<'_>,
        revision: u32,
    ) -> Result<Secret> {
        let CertManagerCa {
            namespace, name, ..
        } = ca;
        self.approve_certificate_in(namespace, name, revision)
            .await?;
        let api: Api<Certificate> = Api::namespaced(self.bed().client(), namespace);
        let holds = |found: &Certificate| found.is_true("Ready") && found.revision() == revision;
        self.bed()
            .wait(&api, name, &format!("in revision {revision}"), holds)
            .await?;
        let secrets: Api<Secret> = Api::namespaced(self.bed().client(), namespace);
        Ok(secrets.get(name).await?)
    }
}
