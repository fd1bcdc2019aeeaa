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
use crate::consumers::{Consumer, Consumers, Leaf};
use crate::peers::SERVER_NAME;

/// How long before the end of its leaf a consumer that renews late presents the next one.
const LATE: Duration = Duration::from_secs(4);

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

/// Renews the leaf of a consumer, without an end.
///
/// Each leaf is renewed halfway. Every second one is presented at once; the others only shortly
/// before the leaf ends that they replace, so that the oldest leaf that may be in use is in use.
///
/// # Errors
/// There is no certificate, or the consumer does not accept it.
pub(crate) async fn keep_renewed(
    consumers: &Consumers,
    index: usize,
    issuer: &LeafIssuer,
) -> Result<()> {
    let consumer = &consumers.all[index];
    for number in index.. {
        let leaf = request(consumer, issuer).await?;
        let mut halfway = leaf.remaining() / 2;
        if number == index {
            // Spread, so that leaves of all ages are in use whenever something is replaced.
            halfway = halfway * part(index + 1) / part(consumers.all.len());
        }
        let begin = tokio::time::Instant::now();
        if number % 2 == 1 {
            let wait = consumer.remaining().await.saturating_sub(LATE);
            tokio::time::sleep(wait).await;
        }
        consumers.install(consumer, leaf).await?;
        tokio::time::sleep_until(begin + halfway).await;
    }
    Ok(())
}

/// Consumers are few.
fn part(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Requests a leaf and waits for the certificate. cert-manager approves the request.
async fn request(consumer: &Consumer, issuer: &LeafIssuer) -> Result<Leaf> {
    let requests: Api<CertificateRequest> =
        Api::namespaced(issuer.client.clone(), &issuer.namespace);
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
            "duration": format!("{}s", issuer.lifetime.as_secs()),
            "usages": ["digital signature", "server auth", "client auth"],
            "issuerRef": { "group": "signet.dev", "kind": "ClusterIssuer", "name": issuer.name },
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
