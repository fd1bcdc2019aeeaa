//! Pods and the kubelets of their nodes. Nothing runs on these nodes: a Node object, a Pod that is
//! bound to it and the credentials of the node stand in for a kubelet.

use std::fmt::Debug;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::certificates::v1::PodCertificateRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::ListParams;
use kube::{Api, Client, Resource, ResourceExt};
use rcgen::{DistinguishedName, DnType};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use signet_testbed::wait::Observation::{Progress, Reached};
use signet_testbed::wait::until;

use crate::csr::Csr;
use crate::verify::{self, Expected, Issued};
use crate::{IssuerRef, Rule, TestNamespace};

/// A node's name, UID and credentials.
#[derive(Clone)]
pub struct Kubelet {
    name: String,
    uid: String,
    client: Client,
}

impl Kubelet {
    /// The name of the node.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A client with the credentials of the node.
    pub fn client(&self) -> Client {
        self.client.clone()
    }
}

impl Debug for Kubelet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "system:node:{}", self.name)
    }
}

/// What a request for a pod contains.
#[derive(Clone, Debug)]
pub struct PodAsk {
    version: &'static str,
    spec: Value,
}

impl PodAsk {
    /// Takes fields of the spec from JSON.
    #[must_use]
    pub fn with(mut self, fields: Value) -> Self {
        for (name, value) in fields.as_object().into_iter().flatten() {
            self.spec[name] = value.clone();
        }
        self
    }

    /// Leaves a field of the spec out.
    #[must_use]
    pub fn without(self, field: &str) -> Self {
        self.with(json!({ field: null }))
    }

    /// A stub CSR with this key, in DER.
    #[must_use]
    pub fn stub(self, csr: &Csr) -> Self {
        self.with(json!({ "stubPKCS10Request": STANDARD.encode(csr.der()) }))
    }

    /// The key and its proof as kubelets of Kubernetes 1.35 send them.
    ///
    /// # Errors
    /// OpenSSL does not sign.
    pub fn bare_key(self, csr: &Csr) -> Result<Self> {
        let uid = self.spec["podUID"].as_str().unwrap_or_default();
        let proof = csr.sign_as_kubelets(uid.as_bytes())?;
        Ok(self.in_version("v1beta1").with(json!({
            "pkixPublicKey": STANDARD.encode(csr.public_key()),
            "proofOfPossession": STANDARD.encode(proof),
        })))
    }

    /// In this version of the API.
    #[must_use]
    pub fn in_version(self, version: &'static str) -> Self {
        Self { version, ..self }
    }
}

/// What a tenant needs to create requests.
pub const CREATE_POD_REQUESTS: Rule = Rule {
    group: "certificates.k8s.io",
    resource: "podcertificaterequests",
    verbs: &["create"],
    names: &[],
};

/// A request in a version of the API.
pub trait PodRequest:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
}

impl PodRequest for PodCertificateRequest {}
impl PodRequest for k8s_openapi::api::certificates::v1beta1::PodCertificateRequest {}

impl TestNamespace {
    /// Creates a Node and makes the credentials that its kubelet would have.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn kubelet(&self, name: &str) -> Result<Kubelet> {
        let name = self.unique(name);
        let metadata = json!({ "name": name });
        let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": metadata });
        let node = self.create_object(node).await?;
        let mut subject = DistinguishedName::new();
        subject.push(DnType::OrganizationName, "system:nodes");
        subject.push(DnType::CommonName, format!("system:node:{name}"));
        let client = self.bed().plane().client_with_certificate(subject).await?;
        Ok(Kubelet {
            name,
            uid: node.uid().context("a Node has a UID")?,
            client,
        })
    }

    /// Creates a Pod on a node that mounts certificates of these signers and key types, and returns
    /// a request as its kubelet would make it, without a key.
    ///
    /// # Errors
    /// The API server does not take it, or there is no such ServiceAccount.
    pub async fn pod(
        &self,
        kubelet: &Kubelet,
        name: &str,
        account: &str,
        certificates: &[(&str, &str)],
    ) -> Result<PodAsk> {
        let source = |(signer, key_type): &(&str, &str)| {
            json!({ "podCertificate": {
                "signerName": signer, "keyType": key_type, "credentialBundlePath": key_type,
            } })
        };
        let sources: Vec<_> = certificates.iter().map(source).collect();
        let volumes = match sources.is_empty() {
            true => json!([]),
            false => json!([{ "name": "certificates", "projected": { "sources": sources } }]),
        };
        let pod = self
            .create_object(json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
                "spec": {
                    "nodeName": kubelet.name,
                    "serviceAccountName": account,
                    // No kubelet would end it.
                    "terminationGracePeriodSeconds": 0,
                    "containers": [{ "name": "main", "image": "not-pulled" }],
                    "volumes": volumes,
                },
            }))
            .await?;
        let accounts: Api<ServiceAccount> = self.api();
        let signer = certificates.first().map(|(signer, _)| *signer);
        Ok(PodAsk {
            version: "v1",
            spec: json!({
                "signerName": signer.unwrap_or_default(),
                "podName": name,
                "podUID": pod.uid(),
                "serviceAccountName": account,
                "serviceAccountUID": accounts.get(account).await?.uid(),
                "nodeName": kubelet.name,
                "nodeUID": kubelet.uid,
                "maxExpirationSeconds": 86_400,
            }),
        })
    }

    /// Creates a request as a user, and returns its name.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn request_for_pod_as(
        &self,
        client: Client,
        ask: &PodAsk,
    ) -> Result<String, kube::Error> {
        let object = json!({
            "apiVersion": format!("certificates.k8s.io/{}", ask.version),
            "kind": "PodCertificateRequest",
            "metadata": { "generateName": "req-" }, "spec": ask.spec,
        });
        Ok(self.create_object_as(client, object).await?.name_any())
    }

    /// Creates a request as the kubelet, once the API server's caches have the Pod and the Node.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn request_for_pod(&self, kubelet: &Kubelet, ask: &PodAsk) -> Result<String> {
        let observe = async || match self.request_for_pod_as(kubelet.client(), ask).await {
            Ok(name) => Ok(Reached(name)),
            Err(kube::Error::Api(status)) if status.message.contains("while retrieving") => {
                Ok(Progress(status.message))
            }
            Err(error) => Err(error.into()),
        };
        until(format!("{kubelet:?} to create a request"), observe).await
    }

    /// Waits for the final condition of a request, and returns the status.
    ///
    /// # Errors
    /// It gets none.
    pub async fn pod_status<K: PodRequest>(&self, request: &str) -> Result<Value> {
        let status = |object: &K| json!(object)["status"].clone();
        let has_condition = |object: &K| status(object)["conditions"][0].is_object();
        let api: Api<K> = self.api();
        let object = self.bed().wait(&api, request, "final", has_condition);
        Ok(status(&object.await?))
    }

    /// Waits until a request is denied or failed with this reason, and returns the message.
    ///
    /// # Errors
    /// It is issued, or for another reason, or the status has more than the condition (PCR-10).
    pub async fn refused_for_pod<K: PodRequest>(
        &self,
        request: &str,
        type_: &str,
        reason: &str,
    ) -> Result<String> {
        let status = self.pod_status::<K>(request).await?;
        let condition = &status["conditions"][0];
        ensure!(condition["type"] == type_, "it is {status}");
        ensure!(condition["reason"] == reason, "it is {status}");
        let fields = status.as_object().map(serde_json::Map::len);
        ensure!(fields == Some(1), "PCR-10: {status}");
        Ok(condition["message"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits for the certificate and checks it. This API contains no roots; they are the issuer's.
    ///
    /// # Errors
    /// There is none in time, or something is wrong with it.
    pub async fn issued_for_pod<K: PodRequest>(
        &self,
        request: &str,
        issuer: &IssuerRef,
        csr: &Csr,
    ) -> Result<(Issued, Value)> {
        let status = self.pod_status::<K>(request).await?;
        ensure!(
            status["conditions"][0]["type"] == "Issued",
            "it is {status}"
        );
        let object = self.api::<K>().get(request).await?;
        let created = object.creation_timestamp();
        let roots = self.wait_until_ready(issuer).await?.bundle;
        let time = |value: &Value| -> Result<Timestamp> {
            let text = value.as_str().context("a time")?;
            Ok(text.parse()?)
        };
        let expected = Expected {
            public_key: csr.public_key(),
            private_key: csr.key().serialize_pem(),
            trust_domain: self.trust_domain(issuer).await?,
            is_ca: false,
            created: created.context("it has a creationTimestamp")?.0,
            issued_at: time(&status["conditions"][0]["lastTransitionTime"])?,
        };
        let chain = status["certificateChain"].as_str().context("a chain")?;
        let roots = roots.context("a ready issuer has a bundle")?;
        let issued = verify::check(chain, &roots, expected)?;
        ensure!(
            time(&status["notBefore"])? == issued.leaf.not_before(),
            "PCR-12"
        );
        ensure!(
            time(&status["notAfter"])? == issued.leaf.not_after(),
            "PCR-13"
        );
        Ok((issued, status))
    }

    /// Waits until all requests of the namespace, which are so many, are issued, and returns when the
    /// last one was.
    ///
    /// # Errors
    /// One is denied or has failed.
    pub async fn all_issued_for_pods(&self, count: usize) -> Result<Timestamp> {
        let observe = async || {
            let all = self.api::<PodCertificateRequest>();
            let all = all.list(&ListParams::default()).await?;
            let conditions: Vec<Value> = all
                .iter()
                .map(|request| json!(request)["status"]["conditions"][0].clone())
                .filter(|condition| !condition.is_null())
                .collect();
            let other = conditions.iter().find(|one| one["type"] != "Issued");
            ensure!(other.is_none(), "none fails: {other:?}");
            let times = conditions.iter().filter_map(|one| {
                let text = one["lastTransitionTime"].as_str()?;
                text.parse::<Timestamp>().ok()
            });
            Ok(match times.max() {
                Some(last) if conditions.len() == count => Reached(last),
                _ => Progress(format!("{} are issued", conditions.len())),
            })
        };
        until(format!("{count} requests to be issued"), observe).await
    }
}
