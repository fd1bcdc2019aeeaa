//! The only place that writes to the API server.

mod terminating;

use std::sync::Arc;

use http::HeaderValue;
use http::header::ACCEPT;
use k8s_openapi::api::core::v1::{ObjectReference, Secret};
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::{NamespaceResourceScope, Request};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use signet_api::CAGeneration;
use signet_keys::Turns;

use crate::api_error::{describe, is_namespace_terminating};
use terminating::Terminating;

/// The field manager of every write.
pub const FIELD_MANAGER: &str = "signet";

/// Asks the API server to answer a write with the metadata alone.
const METADATA_ONLY: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");

/// What is to be written about an object, decided beforehand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The fields of the status that are ours; none if the status stays as it is.
    pub status: Option<Value>,
    /// What to tell whoever looks at the object with `kubectl describe`.
    pub event: Option<Told>,
}

/// An event before it has an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether something is wrong.
    pub warning: bool,
    /// The reason, in UpperCamelCase.
    pub reason: &'static str,
    /// What Signet was doing.
    pub action: &'static str,
    /// A sentence.
    pub note: String,
}

/// How a status write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It stands.
    Done,
    /// The object changed or went since it was read; what was decided is thrown away.
    Conflict,
}

/// How the creation of an object ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    Done,
    /// There was one already; it is left alone.
    Existed,
}

/// Writes to the API server.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    recorder: Recorder,
    turns: Arc<Turns>,
    terminating: Arc<Terminating>,
}

impl Writer {
    /// A writer that reports events in the name of this instance, and has so many status writes
    /// under way at most.
    pub fn new(client: Client, instance: Option<String>, at_once: u16) -> Self {
        let reporter = Reporter {
            controller: "signet.dev/signet".to_owned(),
            instance,
        };
        Self {
            recorder: Recorder::new(client.clone(), reporter),
            client,
            turns: Arc::new(Turns::new(at_once)),
            terminating: Arc::default(),
        }
    }

    /// The client, for objects whose API handle a caller needs.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Writes a plan about `object`: the status in one write, then the event.
    ///
    /// The write carries the UID and the resourceVersion that were decided on, so that whoever
    /// decided on an older object, or lost the Lease meanwhile, writes nothing.
    ///
    /// # Errors
    /// The API server did not take the status. An event that was not taken is logged.
    pub async fn carry_out<K>(&self, object: &K, plan: Plan) -> Result<Written, kube::Error>
    where
        K: Resource<DynamicType = ()>,
    {
        let namespace = object.meta().namespace.as_deref().unwrap_or_default();
        // Neither may one namespace's requests keep others' from being written.
        let _turn = self.turns.acquire(namespace).await;
        if let Some(status) = plan.status
            && self.status(object, &status).await? == Written::Conflict
        {
            return Ok(Written::Conflict);
        }
        if let Some(told) = plan.event {
            self.tell(&object.object_ref(&()), namespace, told).await;
        }
        Ok(Written::Done)
    }

    async fn status<K>(&self, object: &K, status: &Value) -> Result<Written, kube::Error>
    where
        K: Resource<DynamicType = ()>,
    {
        let meta = object.meta();
        let body = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": { "uid": meta.uid, "resourceVersion": meta.resource_version },
            "status": status,
        });
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let path = K::url_path(&(), meta.namespace.as_deref());
        let name = meta.name.as_deref().unwrap_or_default();
        let mut request = Request::new(path)
            .patch_subresource("status", name, &params, &Patch::Apply(&body))
            .map_err(kube::Error::BuildRequest)?;
        request.headers_mut().insert(ACCEPT, METADATA_ONLY);
        // The watch brings the object as it then is; the answer is not looked at.
        match self.client.request_text(request).await {
            Ok(_) => Ok(Written::Done),
            Err(kube::Error::Api(answer)) if answer.is_conflict() || answer.is_not_found() => {
                Ok(Written::Conflict)
            }
            Err(error) => Err(error),
        }
    }

    /// Creates the Secret of a key that was just made. One that is there is never overwritten.
    ///
    /// # Errors
    /// The API server did not take it.
    pub async fn create_key_secret(
        &self,
        namespace: &str,
        secret: &Secret,
    ) -> Result<Created, kube::Error> {
        self.create(namespace, secret).await
    }

    /// Creates a CA generation.
    ///
    /// # Errors
    /// The API server did not take it.
    pub async fn create_generation(
        &self,
        namespace: &str,
        generation: &CAGeneration,
    ) -> Result<Created, kube::Error> {
        self.create(namespace, generation).await
    }

    async fn tell(&self, object: &ObjectReference, namespace: &str, told: Told) {
        let event = Event {
            type_: if told.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: told.reason.to_owned(),
            note: Some(cut(told.note)),
            action: told.action.to_owned(),
            secondary: None,
        };
        match self.recorder.publish(&event, object).await {
            Ok(()) => self.terminating.forget(namespace),
            Err(error) if is_namespace_terminating(&error) => self.terminating.log(namespace),
            Err(error) => tracing::warn!(
                error = describe(&error),
                reason = event.reason,
                "an event was not written"
            ),
        }
    }

    async fn create<K>(&self, namespace: &str, object: &K) -> Result<Created, kube::Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + std::fmt::Debug + DeserializeOwned + Serialize,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        match api.create(&params, object).await {
            Ok(_) => {
                self.terminating.forget(namespace);
                Ok(Created::Done)
            }
            Err(kube::Error::Api(answer)) if answer.is_already_exists() => Ok(Created::Existed),
            Err(error) => {
                if is_namespace_terminating(&error) {
                    self.terminating.log(namespace);
                }
                Err(error)
            }
        }
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer(..)")
    }
}

/// The label of what Signet makes.
pub fn managed_by() -> (String, String) {
    (
        "app.kubernetes.io/managed-by".to_owned(),
        FIELD_MANAGER.to_owned(),
    )
}

/// The API server takes notes of 1024 bytes.
fn cut(note: String) -> String {
    const MOST: usize = 1024;
    if note.len() <= MOST {
        return note;
    }
    let end = (0..=MOST - 3)
        .rev()
        .find(|end| note.is_char_boundary(*end))
        .unwrap_or_default();
    format!("{}...", &note[..end])
}
