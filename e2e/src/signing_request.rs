//! Kubernetes' CertificateSigningRequests.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition,
};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::csr::Csr;
use crate::user::in_cluster;
use crate::verify::{self, Expected, Issued};
use crate::{IssuerRef, Rule, TestNamespace, User};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct SigningAsk {
    metadata: Value,
    spec: Value,
    is_ca: bool,
}

impl SigningAsk {
    /// Asks an issuer for a TLS certificate.
    pub fn new(issuer: &IssuerRef, csr: &Csr) -> Self {
        Self::of_signer(&issuer.signer_name(), csr)
    }

    /// Asks whatever signer.
    pub fn of_signer(signer_name: &str, csr: &Csr) -> Self {
        Self::of_pem(signer_name, csr.pem())
    }

    /// Requests what a CSR in PEM contains from any signer.
    pub fn of_pem(signer_name: &str, pem: &str) -> Self {
        Self {
            metadata: json!({ "generateName": "e2e-", "annotations": {} }),
            spec: json!({
                "signerName": signer_name,
                "request": STANDARD.encode(pem),
                "usages": ["digital signature", "server auth", "client auth"],
            }),
            is_ca: false,
        }
    }

    /// For so long.
    #[must_use]
    pub fn expiration_seconds(mut self, seconds: u32) -> Self {
        self.spec["expirationSeconds"] = json!(seconds);
        self
    }

    /// With these usages.
    #[must_use]
    pub fn usages(mut self, usages: &[&str]) -> Self {
        self.spec["usages"] = json!(usages);
        self
    }

    /// With an annotation.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.metadata["annotations"][key] = json!(value);
        self
    }

    /// For a CA certificate, by cert-manager's annotation.
    #[must_use]
    pub fn ca(self) -> Self {
        let mut ask = self.annotation("experimental.cert-manager.io/request-is-ca", "true");
        ask.is_ca = true;
        ask
    }
}

/// What a requester of this API needs, which is cluster-wide.
const CREATE: Rule = Rule {
    group: "certificates.k8s.io",
    resource: "certificatesigningrequests",
    verbs: &["create"],
    names: &[],
};

impl TestNamespace {
    /// A ServiceAccount that may create CertificateSigningRequests.
    ///
    /// # Errors
    /// The API server did not take one of its objects.
    pub async fn signing_requester(&self, name: &str) -> Result<User> {
        in_cluster(self, name, &[CREATE]).await
    }

    /// Creates a request as a user, and returns its name.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn ask_signer(&self, client: Client, ask: &SigningAsk) -> Result<String> {
        let object = json!({
            "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": ask.metadata, "spec": ask.spec,
        });
        Ok(self.create_object_as(client, object).await?.name_any())
    }

    /// Approves a request through /approval, as the bed's approver.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn approve_signing(&self, request: &str) -> Result<()> {
        self.review_signing(request, "Approved").await
    }

    /// Denies a request through /approval, as the bed's approver.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn deny_signing(&self, request: &str) -> Result<()> {
        self.review_signing(request, "Denied").await
    }

    async fn review_signing(&self, request: &str, type_: &str) -> Result<()> {
        let approver = self.bed().approver().await?;
        let requests: Api<CertificateSigningRequest> = Api::all(approver.client());
        let condition = json!({
            "type": type_, "status": "True", "reason": "E2e", "message": "set by the test",
        });
        let patch = Patch::Strategic(json!({ "status": { "conditions": [condition] } }));
        requests
            .patch_approval(request, &PatchParams::default(), &patch)
            .await?;
        Ok(())
    }

    /// Asks, has it approved, and waits for the certificate.
    ///
    /// # Errors
    /// Any step of it.
    pub async fn issue_signing(
        &self,
        client: Client,
        issuer: &IssuerRef,
        ask: &SigningAsk,
        csr: &Csr,
    ) -> Result<Issued> {
        let request = self.ask_signer(client, ask).await?;
        self.approve_signing(&request).await?;
        self.issued_signing(&request, issuer, csr, ask.is_ca).await
    }

    /// Waits for the certificate and checks it. This API carries no roots; they are the issuer's.
    ///
    /// # Errors
    /// There is none in time, or something is wrong with it.
    pub async fn issued_signing(
        &self,
        request: &str,
        issuer: &IssuerRef,
        csr: &Csr,
        is_ca: bool,
    ) -> Result<Issued> {
        let is_final = |object: &CertificateSigningRequest| {
            certificate(object).is_some() || condition(object, "Failed").is_some()
        };
        let object = self.wait_for_signing(request, "issued", is_final).await?;
        let failed = condition(&object, "Failed");
        ensure!(failed.is_none(), "it is {failed:?}");
        let chain = certificate(&object).context("it has a certificate")?;
        let status = self.wait_until_ready(issuer).await?;
        let roots = status.bundle.context("a ready issuer has a bundle")?;
        let created = object.creation_timestamp();
        let expected = Expected {
            public_key: csr.public_key(),
            private_key: csr.key().serialize_pem(),
            trust_domain: self.trust_domain(issuer).await?,
            is_ca,
            created: created.context("it has a creationTimestamp")?.0,
            issued_at: written_at(&object).context("the certificate was written once")?,
        };
        verify::check(&String::from_utf8(chain)?, &roots, expected)
    }

    /// Asks, has it approved, and waits for the final no with this reason; returns its message.
    ///
    /// # Errors
    /// Any step of it.
    pub async fn refused_signing(
        &self,
        client: Client,
        ask: &SigningAsk,
        reason: &str,
    ) -> Result<String> {
        let request = self.ask_signer(client, ask).await?;
        self.approve_signing(&request).await?;
        let is_final = |object: &CertificateSigningRequest| {
            certificate(object).is_some() || condition(object, "Failed").is_some()
        };
        let object = self.wait_for_signing(&request, "failed", is_final).await?;
        ensure!(certificate(&object).is_none(), "it has a certificate");
        let failed = condition(&object, "Failed").context("it failed")?;
        ensure!(
            failed.status == "True",
            "CSR-6: the condition is {failed:?}"
        );
        ensure!(failed.reason.as_deref() == Some(reason), "it is {failed:?}");
        Ok(failed.message.clone().unwrap_or_default())
    }

    /// Waits for a request.
    ///
    /// # Errors
    /// It does not come to that.
    pub async fn wait_for_signing(
        &self,
        request: &str,
        what: &str,
        holds: impl Fn(&CertificateSigningRequest) -> bool,
    ) -> Result<CertificateSigningRequest> {
        self.bed()
            .wait(&Api::all(self.bed().client()), request, what, holds)
            .await
    }

    /// Reads a request.
    ///
    /// # Errors
    /// It is not there.
    pub async fn signing_request(&self, request: &str) -> Result<CertificateSigningRequest> {
        let api: Api<CertificateSigningRequest> = Api::all(self.bed().client());
        Ok(api.get(request).await?)
    }
}

fn certificate(object: &CertificateSigningRequest) -> Option<Vec<u8>> {
    let certificate = object.status.as_ref()?.certificate.as_ref()?;
    (!certificate.0.is_empty()).then(|| certificate.0.clone())
}

/// When the certificate was written.
fn written_at(object: &CertificateSigningRequest) -> Option<Timestamp> {
    let mut writes = object.managed_fields().iter();
    let write = writes.find(|write| {
        let fields = write.fields_v1.as_ref();
        fields.is_some_and(|fields| !fields.0["f:status"]["f:certificate"].is_null())
    })?;
    write.time.as_ref().map(|time| time.0)
}

fn condition<'a>(
    object: &'a CertificateSigningRequest,
    type_: &str,
) -> Option<&'a CertificateSigningRequestCondition> {
    let conditions = object.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == type_)
}
