//! cert-manager's CertificateRequests.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use signet_api::IssuerKind;
use signet_api::external::certificate_request::{
    CertificateRequest, CertificateRequestCondition, CertificateRequestStatus, ObjectReference,
};

use crate::csr::Csr;
use crate::verify::{self, Expected, Issued};
use crate::{IssuerRef, TestNamespace, User};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    metadata: Value,
    spec: Value,
}

impl Ask {
    /// Requests what a CSR contains from an issuer.
    pub fn new(issuer: &IssuerRef, csr: &Csr) -> Self {
        Self::of_reference(issuer.reference(), csr)
    }

    /// Asks whatever `spec.issuerRef` names.
    pub fn of_reference(reference: Value, csr: &Csr) -> Self {
        Self {
            metadata: json!({ "generateName": "request-" }),
            spec: json!({ "issuerRef": reference, "request": csr.base64() }),
        }
    }

    /// Requests what a CSR in PEM contains from an issuer.
    pub fn of_pem(issuer: &IssuerRef, pem: &str) -> Self {
        Self {
            metadata: json!({ "generateName": "request-" }),
            spec: json!({ "issuerRef": issuer.reference(), "request": STANDARD.encode(pem) }),
        }
    }

    /// For so long, in Go's form.
    #[must_use]
    pub fn duration(mut self, duration: &str) -> Self {
        self.spec["duration"] = json!(duration);
        self
    }

    /// With these usages.
    #[must_use]
    pub fn usages(mut self, usages: &[&str]) -> Self {
        self.spec["usages"] = json!(usages);
        self
    }

    /// For a CA certificate.
    #[must_use]
    pub fn ca(mut self) -> Self {
        self.spec["isCA"] = json!(true);
        self
    }

    /// With metadata, such as annotations, labels and owner references.
    #[must_use]
    pub fn metadata(mut self, key: &str, value: Value) -> Self {
        self.metadata[key] = value;
        self
    }

    fn object(&self) -> Value {
        json!({
            "apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest",
            "metadata": self.metadata, "spec": self.spec,
        })
    }
}

impl TestNamespace {
    /// Creates a request as the namespace's requester, and gives its name.
    ///
    /// # Errors
    /// The API server or cert-manager's webhook does not take it.
    pub async fn ask(&self, ask: &Ask) -> Result<String> {
        let requester = self.requester().await?.client();
        Ok(self.ask_as(requester, ask).await?)
    }

    /// Creates a request as a user.
    ///
    /// # Errors
    /// The API server or cert-manager's webhook does not take it.
    pub async fn ask_as(&self, client: Client, ask: &Ask) -> Result<String, kube::Error> {
        Ok(self
            .create_object_as(client, ask.object())
            .await?
            .name_any())
    }

    /// Approves a request, as the bed's approver.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn approve(&self, request: &str) -> Result<()> {
        self.approve_in(self.name(), request).await
    }

    /// Approves a request in another namespace.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn approve_in(&self, namespace: &str, request: &str) -> Result<()> {
        let now = Timestamp::now();
        self.review(namespace, request, "Approved", now).await
    }

    /// Approves a request, as if that had been at another time.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn approve_as_of(&self, request: &str, at: Timestamp) -> Result<()> {
        self.review(self.name(), request, "Approved", at).await
    }

    /// Denies a request, as the bed's approver.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn deny(&self, request: &str) -> Result<()> {
        self.deny_in(self.name(), request).await
    }

    /// Denies a request in another namespace.
    ///
    /// # Errors
    /// The API server does not take it.
    pub(crate) async fn deny_in(&self, namespace: &str, request: &str) -> Result<()> {
        let now = Timestamp::now();
        self.review(namespace, request, "Denied", now).await
    }

    async fn review(
        &self,
        namespace: &str,
        request: &str,
        type_: &str,
        at: Timestamp,
    ) -> Result<()> {
        let condition = json!({
            "type": type_, "status": "True", "reason": "e2e.signet.dev",
            "message": "set by the test", "lastTransitionTime": Time(at),
        });
        let patch = json!({
            "apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest",
            "status": { "conditions": [condition] },
        });
        let approver: &User = self.bed().approver().await?;
        let requests: kube::Api<CertificateRequest> =
            kube::Api::namespaced(approver.client(), namespace);
        let params = PatchParams::apply("e2e-approver");
        requests
            .patch_status(request, &params, &Patch::Apply(patch))
            .await
            .with_context(|| format!("{request} cannot be {}", type_.to_lowercase()))?;
        Ok(())
    }

    /// Waits for the certificate, and checks it in every way there is.
    ///
    /// # Errors
    /// There is none in time, or something is wrong with it.
    pub async fn issued(&self, request: &str, csr: &Csr) -> Result<Issued> {
        let object = self.wait_for_request(request, "issued", is_final).await?;
        let condition = ready(&object).context("it has a Ready condition")?;
        ensure!(is_issued(condition), "it is {condition:?}");
        let status = object.status.as_ref().context("it has a status")?;
        let decode = |field: &Option<String>| -> Result<String> {
            let text = STANDARD.decode(field.as_deref().context("the field is there")?)?;
            Ok(String::from_utf8(text)?)
        };
        let chain = decode(&status.certificate).context("status.certificate")?;
        let roots = decode(&status.ca).context("status.ca")?;
        ensure!(
            status.failure_time.is_none(),
            "an issued request has no failureTime"
        );
        let keys = (csr.public_key(), csr.key().serialize_pem());
        verify::check(&chain, &roots, self.expected(&object, keys).await?)
    }

    /// What the certificate of a request must be like, with the keys of its CSR: the public one, and
    /// the private one in PEM.
    pub(crate) async fn expected(
        &self,
        object: &CertificateRequest,
        (public_key, private_key): (Vec<u8>, String),
    ) -> Result<Expected> {
        let created = object.creation_timestamp();
        let issued_at = ready(object).and_then(|ready| ready.last_transition_time.as_ref());
        Ok(Expected {
            public_key,
            private_key,
            trust_domain: self.trust_domain_of(&object.spec.issuer_ref).await?,
            is_ca: object.spec.is_ca,
            created: created.context("it has a creationTimestamp")?.0,
            issued_at: issued_at.context("Ready has a lastTransitionTime")?.0,
        })
    }

    async fn trust_domain_of(&self, issuer: &ObjectReference) -> Result<Option<String>> {
        let kind = match &*issuer.kind {
            "ClusterIssuer" => IssuerKind::ClusterIssuer,
            _ => IssuerKind::Issuer,
        };
        let issuer = IssuerRef {
            kind,
            namespace: self.name().to_owned(),
            name: issuer.name.clone(),
        };
        self.trust_domain(&issuer).await
    }

    /// Asks, has it approved, and waits for the certificate.
    ///
    /// # Errors
    /// Any step of it.
    pub async fn issue(&self, ask: &Ask, csr: &Csr) -> Result<Issued> {
        let request = self.ask(ask).await?;
        self.approve(&request).await?;
        self.issued(&request, csr).await
    }

    /// Asks, has it approved, and waits for the final no with this reason; returns its message.
    ///
    /// # Errors
    /// Any step of it.
    pub async fn refused(&self, ask: &Ask, reason: &str) -> Result<String> {
        let request = self.ask(ask).await?;
        self.approve(&request).await?;
        self.failed(&request, reason).await
    }

    /// Waits until a request has failed for good, as CM-6 wants it: with a failureTime and without
    /// a certificate.
    ///
    /// # Errors
    /// It has not, or not so.
    pub async fn failed(&self, request: &str, reason: &str) -> Result<String> {
        let object = self.wait_for_request(request, "failed", is_final).await?;
        let status = object.status.clone().context("it has a status")?;
        let ready = ready(&object).context("it has a Ready condition")?;
        ensure!(ready.reason.as_deref() == Some("Failed"), "it is {ready:?}");
        ensure!(
            ready.status == "False",
            "Failed is Ready=False, not {ready:?}"
        );
        ensure!(
            status.failure_time.is_some(),
            "CM-6: Failed has a failureTime"
        );
        ensure!(
            status.certificate.is_none(),
            "a request that failed has no certificate"
        );
        let message = ready.message.clone().unwrap_or_default();
        let (found, text) = message.split_once(": ").unwrap_or_default();
        ensure!(
            found == reason,
            "it failed because of {message:?}, and not {reason}"
        );
        Ok(text.to_owned())
    }

    /// Waits until a request is Pending for this reason.
    ///
    /// # Errors
    /// It does not come to that.
    pub async fn pending(&self, request: &str, reason: &str) -> Result<CertificateRequestStatus> {
        let holds = |object: &CertificateRequest| {
            ready(object).is_some_and(|ready| {
                let parts = ready
                    .message
                    .as_deref()
                    .and_then(|message| message.split_once(": "));
                ready.reason.as_deref() == Some("Pending")
                    && parts.is_some_and(|(found, _)| found == reason)
            })
        };
        let what = format!("pending because of {reason}");
        let object = self.wait_for_request(request, &what, holds).await?;
        object.status.context("it has a status")
    }

    /// Waits until cert-manager has approved a request.
    ///
    /// # Errors
    /// It does not.
    pub async fn wait_until_approved(&self, request: &str) -> Result<()> {
        let is_approved = |object: &CertificateRequest| {
            let status = object.status.as_ref();
            status.is_some_and(|status| status.is_true("Approved"))
        };
        let approved = self.wait_for_request(request, "approved", is_approved);
        approved.await.map(drop)
    }

    /// Waits for a request.
    ///
    /// # Errors
    /// It does not come to that.
    pub async fn wait_for_request(
        &self,
        request: &str,
        what: &str,
        holds: impl Fn(&CertificateRequest) -> bool,
    ) -> Result<CertificateRequest> {
        self.bed().wait(&self.api(), request, what, holds).await
    }

    /// Reads a request.
    ///
    /// # Errors
    /// It is not there.
    pub async fn request(&self, request: &str) -> Result<CertificateRequest> {
        Ok(self.api::<CertificateRequest>().get(request).await?)
    }
}

/// The Ready condition of a request.
pub fn ready(object: &CertificateRequest) -> Option<&CertificateRequestCondition> {
    object.status.as_ref()?.condition("Ready")
}

/// Issued, failed or denied: nothing more comes (CM-6).
pub(crate) fn is_final(object: &CertificateRequest) -> bool {
    let reason = ready(object).and_then(|ready| ready.reason.as_deref());
    matches!(reason, Some("Issued" | "Failed" | "Denied"))
}

fn is_issued(ready: &CertificateRequestCondition) -> bool {
    ready.status == "True" && ready.reason.as_deref() == Some("Issued")
}
