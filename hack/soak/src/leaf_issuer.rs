//! Leaves through cert-manager's API: a new key and a CertificateRequest for each.

use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use kube::api::{DeleteParams, PostParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::watch_object;
use kube::{Api, Client, ResourceExt};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use serde_json::json;
use signet_api::external::certificate_request::CertificateRequest;
use signet_testbed::wait::Observation::{Progress, Reached};
use signet_testbed::wait::until;

use crate::certificate::Certificate;
use crate::consumers::{Consumer, Leaf};
use crate::peers::SERVER_NAME;

/// The issuer that consumers get their leaves from, and the namespace of their requests.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it has a client")]
pub(crate) struct LeafIssuer {
    /// The administrator's client.
    pub(crate) client: Client,
    /// The namespace of the requests.
    pub(crate) namespace: String,
    /// The ClusterIssuer.
    pub(crate) name: String,
    /// The lifetime of leaves.
    pub(crate) lifetime: Duration,
}

impl LeafIssuer {
    /// Requests a leaf and waits for the certificate. cert-manager approves the request.
    pub(crate) async fn request(&self, consumer: &Consumer) -> Result<Leaf> {
        let requests: Api<CertificateRequest> =
            Api::namespaced(self.client.clone(), &self.namespace);
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![SERVER_NAME.to_owned()])?;
        params.distinguished_name = DistinguishedName::new();
        let csr = params.serialize_request(&key)?.pem()?;
        let object: CertificateRequest = serde_json::from_value(json!({
            "apiVersion": "cert-manager.io/v1",
            "kind": "CertificateRequest",
            "metadata": { "generateName": format!("{}-", consumer.name) },
            "spec": {
                "request": STANDARD.encode(csr),
                "duration": format!("{}s", self.lifetime.as_secs()),
                "usages": ["digital signature", "server auth", "client auth"],
                "issuerRef": { "group": "signet.dev", "kind": "ClusterIssuer", "name": self.name },
            },
        }))?;
        let created = requests.create(&PostParams::default(), &object).await?;
        let name = created.name_any();
        let (chain, ca) = issued(&requests, &name).await?;
        requests.delete(&name, &DeleteParams::default()).await?;
        let not_after = Certificate::first(&chain)?.not_after;
        Ok(Leaf {
            chain,
            key: key.serialize_pem(),
            ca,
            not_after,
        })
    }
}

/// Waits for the certificate; returns its chain and the roots that came with it.
async fn issued(requests: &Api<CertificateRequest>, name: &str) -> Result<(String, String)> {
    let mut versions = pin!(watch_object(requests.clone(), name).default_backoff());
    let observe = async || {
        let version = versions.next().await.context("the watch has ended")?;
        let Ok(Some(request)) = version else {
            return Ok(Progress("it cannot be read".to_owned()));
        };
        let status = request.status.unwrap_or_default();
        let ready = status.condition("Ready").cloned().unwrap_or_default();
        if let (Some(chain), Some(ca)) = (&status.certificate, &status.ca) {
            return Ok(Reached((decode(chain)?, decode(ca)?)));
        }
        let message = ready.message.unwrap_or_default();
        if status.failure_time.is_some() {
            bail!("the request {name} has failed: {message}");
        }
        Ok(Progress(message))
    };
    until(format!("a certificate for {name}"), observe).await
}

fn decode(field: &str) -> Result<String> {
    Ok(String::from_utf8(STANDARD.decode(field)?)?)
}
