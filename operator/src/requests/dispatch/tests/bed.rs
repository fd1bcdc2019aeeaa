//! A dispatch of CertificateRequests: what the watch delivers, and what is written.

use axum::Router;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::stream::poll_fn;
use http::{Method, Uri};
use kube::runtime::reflector;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use signet_api::external::certificate_request::CertificateRequest;
use signet_api::{ClusterIssuer, ClusterIssuerSpec};
use signet_keys::{KeyType, TenantLimit};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::super::super::cache::Cache;
use super::super::super::fixtures::ready_issuer;
use super::super::*;
use crate::context::Context;
use crate::fixtures::{NOW, ca, context, corp, csr, key, spec};
use crate::keyring::{ReadyIssuer, Version};
use crate::listings::Listings;
use crate::writer::Writer;

type Kind = CertificateRequest;

/// A status write that waits for its response.
pub(super) struct Write {
    path: String,
    body: Value,
    response: oneshot::Sender<()>,
}

impl Write {
    /// The name of the request.
    pub(super) fn name(&self) -> &str {
        let path = self.path.strip_suffix("/status").unwrap();
        path.rsplit('/').next().unwrap()
    }

    /// The reason of the Ready condition.
    pub(super) fn reason(&self) -> &str {
        let conditions = &self.body["status"]["conditions"];
        conditions[0]["reason"].as_str().unwrap()
    }

    /// The message of the Ready condition.
    pub(super) fn message(&self) -> &str {
        let conditions = &self.body["status"]["conditions"];
        conditions[0]["message"].as_str().unwrap()
    }

    pub(super) fn uid(&self) -> &str {
        self.body["metadata"]["uid"].as_str().unwrap()
    }

    pub(super) fn finish(self) {
        self.response.send(()).unwrap();
    }
}

/// A dispatch that runs until it is stopped.
pub(super) struct Bed {
    pub(super) shell: Arc<Shell<Kind>>,
    woken: mpsc::Sender<Key>,
    writes: mpsc::UnboundedReceiver<Write>,
    issuer: Arc<ReadyIssuer>,
    stop: CancellationToken,
    run: JoinHandle<()>,
}

impl Bed {
    /// A dispatch with the ClusterIssuer `corp`, whose key lets this many at a time, and so many of
    /// each namespace.
    pub(super) fn new(max_in_flight: u16, per_tenant: Option<TenantLimit>) -> Self {
        Self::with(max_in_flight, per_tenant, Listings::of_all())
    }

    /// One that knows of `corp`, and has listed no kind of issuers yet.
    pub(super) fn unlisted() -> Self {
        Self::with(1, None, Listings::default())
    }

    fn with(max_in_flight: u16, per_tenant: Option<TenantLimit>, listings: Listings) -> Self {
        let (sender, writes) = mpsc::unbounded_channel();
        let respond = async move |method: Method, uri: Uri, body: String| {
            respond(&sender, &method, &uri, &body).await
        };
        let mut context = context::with_api(Router::new().fallback(respond));
        context.now = || NOW;
        context.listings = listings;
        context.writer = Writer::new(context.client.clone(), None, u16::MAX, Arc::default());
        put_issuers(&mut context);
        let key = key::signer(KeyType::EcdsaP256);
        let chain = ca::valid(&*key, "Root");
        let guard = key::guard_with(key, max_in_flight, per_tenant);
        let issuer = Arc::new(ready_issuer(guard, chain));
        let shell = Arc::new(Shell {
            context: Arc::new(context),
            cache: Arc::new(Cache::default()),
        });
        let (woken, mut receiver) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let run = run(
            futures::stream::pending(),
            poll_fn(move |context| receiver.poll_recv(context)),
            shell.clone(),
            stop.clone(),
        );
        let bed = Self {
            shell,
            woken,
            writes,
            issuer,
            stop,
            run: tokio::spawn(run),
        };
        bed.set_ready();
        bed
    }

    /// The watch delivers an approved request of a namespace to `corp`.
    pub(super) async fn add(&self, namespace: &str, name: &str) -> Key {
        let (spec, status) = (json!({}), approved());
        self.put(object(namespace, name, "1", &spec, &status)).await
    }

    /// The watch delivers this.
    pub(super) async fn put(&self, object: Value) -> Key {
        let object = serde_json::from_value(object).unwrap();
        let key = self.shell.cache.take(Event::Apply(object)).unwrap();
        self.wake(&key).await;
        key
    }

    pub(super) fn delete(&self, namespace: &str, name: &str) {
        let object = object(namespace, name, "1", &json!({}), &approved());
        let object = serde_json::from_value(object).unwrap();
        assert!(self.shell.cache.take(Event::Delete(object)).is_none());
    }

    /// Wakes a request, and returns when the dispatch has taken note of it.
    pub(super) async fn wake(&self, key: &Key) {
        self.woken.send(key.clone()).await.unwrap();
        drop(self.woken.reserve().await.unwrap());
    }

    /// The next status write, of any request.
    pub(super) async fn write(&mut self) -> Write {
        self.writes.recv().await.unwrap()
    }

    /// `corp` is ready.
    pub(super) fn set_ready(&self) {
        let keyring = &self.shell.context.keyring;
        keyring.put(&corp(), version(), Ok(self.issuer.clone()));
    }

    /// `corp` loses its key.
    pub(super) fn set_not_ready(&self) {
        let keyring = &self.shell.context.keyring;
        keyring.put(&corp(), version(), Err("no key".to_owned()));
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.run.await.unwrap();
    }
}

async fn respond(
    writes: &mpsc::UnboundedSender<Write>,
    method: &Method,
    uri: &Uri,
    body: &str,
) -> Response {
    if *method == Method::PATCH && uri.path().ends_with("/status") {
        let (response, turn) = oneshot::channel();
        let write = Write {
            path: uri.path().to_owned(),
            body: serde_json::from_str(body).unwrap(),
            response,
        };
        // Without a test that reads them, the dispatch is being dropped.
        let _ = writes.send(write);
        let _ = turn.await;
    }
    let written = json!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
        "metadata": { "resourceVersion": "2" },
    });
    written.to_string().into_response()
}

fn put_issuers(context: &mut Context) {
    let (store, mut writer) = reflector::store();
    let mut issuer = ClusterIssuer::new("corp", ClusterIssuerSpec(spec("ca")));
    issuer.metadata.uid = Some(version().uid);
    issuer.metadata.generation = Some(version().generation);
    writer.apply_watcher_event(&Event::Apply(issuer));
    context.issuers.cluster_issuers = store;
}

fn version() -> Version {
    Version {
        uid: "corp-uid".to_owned(),
        generation: 1,
    }
}

pub(super) fn approved() -> Value {
    json!({ "conditions": [{ "type": "Approved", "status": "True" }] })
}

/// A CertificateRequest to `corp`, unless the spec has another issuer.
pub(super) fn object(
    namespace: &str,
    name: &str,
    version: &str,
    spec: &Value,
    status: &Value,
) -> Value {
    let csr = csr::pem(name, &["web.shop.svc"]);
    let mut object = json!({
        "metadata": {
            "name": name, "namespace": namespace, "uid": format!("{name}-uid"),
            "resourceVersion": version, "creationTimestamp": "2026-08-01T00:00:00Z",
        },
        "spec": {
            "request": STANDARD.encode(csr), "username": "alice",
            "issuerRef": { "group": "signet.dev", "kind": "ClusterIssuer", "name": "corp" },
        },
        "status": status,
    });
    for (key, value) in spec.as_object().into_iter().flatten() {
        object["spec"][key] = value.clone();
    }
    object
}
