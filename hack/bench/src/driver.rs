//! Creates requests, approves them, and for the ceiling finishes them.

use std::sync::Arc;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use signet_api::external::certificate_request::CertificateRequest;

use crate::ca::Material;
use crate::{REQUESTS, Signer, Subject};

/// Writers of the driver.
const WRITERS: usize = 16;
/// The page of a listing, as Signet's watches have it.
pub(crate) const PAGE: u32 = 500;

/// The driver of requests to one issuer.
#[derive(Clone)]
pub(crate) struct Driver {
    api: Api<CertificateRequest>,
    subject: Subject,
    finished: Arc<Value>,
    csr: String,
}

impl Driver {
    pub(crate) fn new(client: Client, material: &Material, subject: Subject) -> Self {
        Self {
            api: Api::namespaced(client, REQUESTS),
            subject,
            finished: Arc::new(finished(material)),
            csr: STANDARD.encode(&material.csr),
        }
    }

    /// The same in another namespace.
    pub(crate) fn in_namespace(&self, client: Client, namespace: &str) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            ..self.clone()
        }
    }

    /// Creates requests and returns their names.
    pub(crate) async fn create(&self, prefix: &str, count: usize) -> Result<Vec<String>> {
        let names: Vec<_> = (0..count)
            .map(|number| format!("{prefix}-{number}"))
            .collect();
        at_once(&names, async |name| self.create_one(name).await).await?;
        Ok(names)
    }

    async fn create_one(&self, name: &str) -> Result<()> {
        let request: CertificateRequest = serde_json::from_value(json!({
            "apiVersion": "cert-manager.io/v1",
            "kind": "CertificateRequest",
            "metadata": { "name": name },
            "spec": {
                "request": self.csr,
                "duration": "1h",
                "usages": ["digital signature", "server auth", "client auth"],
                "issuerRef": {
                    "group": self.subject.group(), "kind": "ClusterIssuer", "name": self.subject.issuer,
                },
            },
        }))?;
        self.api.create(&PostParams::default(), &request).await?;
        Ok(())
    }

    /// Creates requests that are finished, with a certificate in their status.
    pub(crate) async fn create_finished(&self, count: usize) -> Result<()> {
        let names = self.create("finished", count).await?;
        let finish = async |name: &String| {
            let status = (*self.finished).clone();
            self.write_status(name, status).await?;
            Ok(())
        };
        at_once(&names, finish).await
    }

    /// Approves all, as fast as the writers can.
    pub(crate) async fn approve_all(&self, names: Vec<String>) -> Result<()> {
        at_once(&names, async |name| self.approve(name).await).await
    }

    /// Approves one and, for the ceiling, writes the status that a signer would.
    pub(crate) async fn approve(&self, name: &str) -> Result<()> {
        let approved = json!([{
            "type": "Approved", "status": "True", "reason": "Bench", "message": "approved",
            "lastTransitionTime": now(),
        }]);
        let written = self
            .write_status(name, json!({ "conditions": approved }))
            .await?;
        if self.subject.signer == Signer::Driver {
            let mut status = (*self.finished).clone();
            if let Some(conditions) = status["conditions"].as_array_mut() {
                conditions.push(approved[0].clone());
            }
            let version = written.metadata.resource_version;
            let body = json!({ "metadata": { "resourceVersion": version }, "status": status });
            self.api
                .patch_status(name, &PatchParams::default(), &Patch::Merge(&body))
                .await?;
        }
        Ok(())
    }

    async fn write_status(&self, name: &str, status: Value) -> Result<CertificateRequest> {
        let body = json!({ "status": status });
        Ok(self
            .api
            .patch_status(name, &PatchParams::default(), &Patch::Merge(&body))
            .await?)
    }

    /// Deletes every request, and waits until they are gone.
    pub(crate) async fn clear(&self) -> Result<()> {
        // One call for all takes the API server longer than it allows.
        let page = ListParams::default().limit(PAGE);
        loop {
            let names = self.api.list_metadata(&page).await?.items;
            let names: Vec<_> = names.iter().map(ResourceExt::name_any).collect();
            if names.is_empty() {
                return Ok(());
            }
            at_once(&names, async |name| {
                match self.api.delete(name, &DeleteParams::default()).await {
                    Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
                    deleted => Ok(deleted.map(drop)?),
                }
            })
            .await?;
        }
    }
}

/// Does something for each name, as fast as the writers can.
async fn at_once(names: &[String], act: impl AsyncFn(&String) -> Result<()>) -> Result<()> {
    let mut all = stream::iter(names.iter().map(|name| act(name))).buffer_unordered(WRITERS);
    while all.try_next().await?.is_some() {}
    Ok(())
}

/// In whole seconds, as Kubernetes writes times: cert-manager writes a condition back as it reads
/// it, and its webhook sees a fraction that went missing as a change.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// A status of the size and form that a signer writes.
fn finished(material: &Material) -> Value {
    json!({
        "certificate": STANDARD.encode(&material.leaf),
        "ca": STANDARD.encode(&material.certificate),
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "Issued",
            "message": "Certificate issued", "lastTransitionTime": now(),
        }],
    })
}
