//! The only place that writes to the API server, the Lease excepted.

mod generations;
mod objects;
mod terminating;
#[cfg(test)]
mod tests;
mod written;

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderValue;
use http::header::ACCEPT;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Patch, PatchParams};
use kube::core::{ObjectMeta, Request};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};
use signet_keys::FairSemaphore;

use crate::api_error::{describe, is_namespace_terminating};
use crate::api_health::ApiHealth;
use crate::deadline::queued;
use crate::plan::{FIELD_MANAGER, Plan, PlannedEvent, truncate};
pub use generations::{Recorded, StoredVersion};
pub use objects::{ObjectVersion, Objects};
use terminating::Terminating;
use written::Written;

/// Requests only the metadata of an object in the response to a write.
const METADATA_ONLY: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");

/// Beyond this many notes, an event that comes again is a new one.
const MAX_RECORDERS: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteResult {
    Done,
    /// The object was changed or deleted since it was read; the plan is discarded.
    Conflict,
}

/// The body of a status write. The status is most of it, and is not copied.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusPatch<'a> {
    api_version: &'a str,
    kind: &'a str,
    metadata: Value,
    status: &'a Value,
}

#[derive(Clone)]
pub struct Writer {
    client: Client,
    reporter: Reporter,
    /// A recorder for each note. One for all would count an event with a changed note toward the
    /// earlier one, whose note cannot change.
    recorders: Arc<Mutex<HashMap<String, Recorder>>>,
    permits: Arc<FairSemaphore>,
    terminating: Arc<Terminating>,
    api: Arc<ApiHealth>,
}

impl Writer {
    /// Returns a writer that reports events in the name of this instance, and has at most this many
    /// status writes in flight.
    pub fn new(
        client: Client,
        instance: Option<String>,
        max_in_flight: u16,
        api: Arc<ApiHealth>,
    ) -> Self {
        let reporter = Reporter {
            controller: "signet.dev/signet".to_owned(),
            instance,
        };
        Self {
            client,
            reporter,
            recorders: Arc::default(),
            permits: Arc::new(FairSemaphore::new(max_in_flight)),
            terminating: Arc::default(),
            api,
        }
    }

    /// Returns a writer that writes as the user of this client.
    pub fn acting_as(&self, client: Client) -> Self {
        Self {
            client,
            ..self.clone()
        }
    }

    /// Writes a plan about `object`: the status in one write, then the event.
    ///
    /// The write carries the UID and resourceVersion of the object that the plan was made for, so
    /// that a plan for an older object, or of a replica that lost the Lease, changes nothing.
    ///
    /// An event beside a status that cannot be written is logged, as [`Self::event`] does. If it is
    /// all that there is, and the API server is unwell, that is an error: nothing else reports it, so
    /// the caller tries again.
    pub async fn apply<K>(&self, object: &K, plan: Plan) -> Result<WriteResult, kube::Error>
    where
        K: Resource<DynamicType = ()>,
    {
        let namespace = object.meta().namespace.as_deref().unwrap_or_default();
        // The requests of one namespace must not delay the writes of others.
        let _permit = queued(self.permits.acquire(namespace)).await;
        let has_status = plan.status.is_some();
        if let Some(status) = plan.status
            && self.status(object, &status).await?.is_none()
        {
            return Ok(WriteResult::Conflict);
        }
        let Some(event) = plan.event else {
            return Ok(WriteResult::Done);
        };
        let reason = event.reason;
        let reference = object.object_ref(&());
        match self.publish(&reference, namespace, event).await {
            Err(error) if !has_status && self.api.is_part(&error) => return Err(error),
            Err(error) => self.lose(reason, &error),
            Ok(()) => {}
        }
        Ok(WriteResult::Done)
    }

    /// Writes an event about an object, which may not exist, on behalf of a tenant of the queue. One
    /// that cannot be written is lost, and logged, in an outage together with all that fails.
    pub async fn event(&self, tenant: &str, object: &ObjectReference, event: PlannedEvent) {
        let namespace = object.namespace.as_deref().unwrap_or_default();
        let _permit = queued(self.permits.acquire(tenant)).await;
        let reason = event.reason;
        if let Err(error) = self.publish(object, namespace, event).await {
            self.lose(reason, &error);
        }
    }

    fn lose(&self, reason: &str, error: &kube::Error) {
        if !self.api.tells(error) {
            let error = describe(error);
            tracing::warn!(error, reason, "cannot write an event");
        }
    }

    /// Writes a status as [`Self::apply`] does, and returns the object's new resourceVersion; none
    /// if the object was changed or deleted.
    pub async fn status<K>(&self, object: &K, status: &Value) -> Result<Option<String>, kube::Error>
    where
        K: Resource<DynamicType = ()>,
    {
        self.status_of::<K>(object.meta(), status).await
    }

    /// Writes the status of the object with this metadata.
    pub async fn status_of<K>(
        &self,
        meta: &ObjectMeta,
        status: &Value,
    ) -> Result<Option<String>, kube::Error>
    where
        K: Resource<DynamicType = ()>,
    {
        let body = StatusPatch {
            api_version: &K::api_version(&()),
            kind: &K::kind(&()),
            metadata: json!({ "uid": meta.uid, "resourceVersion": meta.resource_version }),
            status,
        };
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let path = K::url_path(&(), meta.namespace.as_deref());
        let name = meta.name.as_deref().unwrap_or_default();
        let mut request = Request::new(path)
            .patch_subresource("status", name, &params, &Patch::Apply(&body))
            .map_err(kube::Error::BuildRequest)?;
        request.headers_mut().insert(ACCEPT, METADATA_ONLY);
        // The watch delivers the written object.
        match self.client.request::<Written>(request).await {
            Ok(written) => Ok(Some(written.version())),
            Err(kube::Error::Api(answer)) if answer.is_conflict() || answer.is_not_found() => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes an event, if its namespace exists and remains.
    async fn publish(
        &self,
        object: &ObjectReference,
        namespace: &str,
        planned: PlannedEvent,
    ) -> Result<(), kube::Error> {
        let event = Event {
            type_: match planned.warning {
                true => EventType::Warning,
                false => EventType::Normal,
            },
            reason: planned.reason.to_owned(),
            note: Some(truncate(&planned.note)),
            action: planned.action.to_owned(),
            secondary: None,
        };
        let recorder = self.recorder(event.note.as_deref().unwrap_or_default());
        match recorder.publish(&event, object).await {
            Err(error) if is_namespace_terminating(&error) => self.terminating.log(namespace),
            Err(kube::Error::Api(answer)) if answer.is_not_found() => tracing::debug!(
                namespace,
                reason = event.reason,
                "no event, because its namespace does not exist"
            ),
            written => return written,
        }
        Ok(())
    }

    fn recorder(&self, note: &str) -> Recorder {
        let mut recorders = self.recorders.lock();
        if recorders.len() >= MAX_RECORDERS {
            recorders.clear();
        }
        let new = || Recorder::new(self.client.clone(), self.reporter.clone());
        let recorder = recorders.entry(note.to_owned()).or_insert_with(new);
        recorder.clone()
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer(..)")
    }
}
