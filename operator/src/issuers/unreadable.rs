//! Issuers that do not match the schema, because the CRD is of another version. They sign nothing, and
//! their status says why.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::core::ObjectMeta;
use serde_json::{Value, json};
use signet_api::IssuerResource;
use signet_api::conditions::{READY, RECONCILING, STALLED, keep_transition_time};

use super::reason::IssuerReason;
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::plan::{seconds, truncate};

/// The wait before a status that could not be written is written again.
const RETRY: Duration = Duration::from_secs(5);

/// Reads an issuer, or returns why it cannot be read.
pub(super) fn read<K: IssuerResource>(object: &DynamicObject) -> Result<K, String> {
    let value = serde_json::to_value(object).map_err(|error| error.to_string())?;
    let mut read: K = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let metadata = mem::take(read.meta_mut());
    *read.meta_mut() = what_is_kept(metadata);
    Ok(read)
}

/// Annotations and labels are not read, and their owner decides how many there are.
fn what_is_kept(metadata: ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
        resource_version: metadata.resource_version,
        generation: metadata.generation,
        creation_timestamp: metadata.creation_timestamp,
        deletion_timestamp: metadata.deletion_timestamp,
        ..ObjectMeta::default()
    }
}

/// Returns the name of an issuer that may not be readable.
pub(super) fn name<K: IssuerResource>(object: &DynamicObject) -> IssuerName {
    IssuerName {
        kind: K::KIND,
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

/// Stops an issuer that cannot be read, and reports it in its status.
pub(super) fn stop<K: IssuerResource>(object: DynamicObject, error: &str, context: &Arc<Context>) {
    let name = name::<K>(&object);
    context.unreadable.lock().insert(name.clone());
    context.forget(&name);
    let Some(status) = status(&object, error, (context.now)()) else {
        return;
    };
    tracing::error!(issuer = %name, error, "an issuer does not match the schema");
    let context = context.clone();
    tokio::spawn(async move {
        let write = async {
            while let Err(error) = context
                .writer
                .status_of::<K>(&object.metadata, &status)
                .await
            {
                if !context.api.tells(&error) {
                    tracing::warn!(%error, issuer = %name, "cannot write the status of an issuer");
                }
                if is_refused(&error) {
                    // The next change or listing tries again; each change would otherwise leave a
                    // task that tries forever.
                    return;
                }
                tokio::time::sleep(RETRY).await;
            }
        };
        context.stop.run_until_cancelled(write).await;
    });
}

/// Whether the API server would refuse the same write again.
fn is_refused(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(answer) if (400..500).contains(&answer.code) && answer.code != 429)
}

/// Returns the status with conditions that say that it cannot be read; none if it has them. All else
/// in it stays.
fn status(object: &DynamicObject, error: &str, now: Timestamp) -> Option<Value> {
    let generation = object.metadata.generation;
    let mut status = match &object.data["status"] {
        Value::Object(status) => Value::Object(status.clone()),
        _ => json!({}),
    };
    let before: Vec<Condition> =
        serde_json::from_value(status["conditions"].clone()).unwrap_or_default();
    let message = truncate(&format!(
        "the object does not match the schema of this version of Signet ({error}); correct it, or \
         apply the CRDs of this version"
    ));
    let condition = |type_: &str| Condition {
        type_: type_.to_owned(),
        status: if type_ == STALLED { "True" } else { "False" }.to_owned(),
        reason: IssuerReason::InvalidSpec.as_str().to_owned(),
        message: message.clone(),
        observed_generation: generation,
        last_transition_time: seconds(now),
    };
    let own = [READY, RECONCILING, STALLED];
    let mut conditions: Vec<_> = own
        .map(|type_| keep_transition_time(condition(type_), &before))
        .into();
    let others = before.iter().filter(|one| !own.contains(&&*one.type_));
    conditions.extend(others.cloned());
    status["conditions"] = json!(conditions);
    status["observedGeneration"] = json!(generation);
    (status != object.data["status"]).then_some(status)
}

#[cfg(test)]
mod tests {
    use signet_api::ClusterIssuer;

    use super::*;
    use crate::fixtures::NOW;

    fn object() -> DynamicObject {
        let object = json!({
            "apiVersion": "signet.dev/v1alpha1", "kind": "ClusterIssuer",
            "metadata": { "name": "corp", "generation": 3 },
            "spec": { "key": 7 },
            "status": {
                "observedGeneration": 2, "bundle": "roots",
                "conditions": [{
                    "type": "Ready", "status": "True", "reason": "Ready", "message": "Signs",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }],
            },
        });
        serde_json::from_value(object).unwrap()
    }

    /// Each edit of such an issuer would otherwise add a task that never ends.
    #[test]
    fn a_status_that_the_api_server_refuses_is_not_written_again_and_again() {
        for (code, expected) in [(422, true), (403, true), (429, false), (500, false)] {
            let answer = json!({ "status": "Failure", "code": code, "message": "no" });
            let error = kube::Error::Api(serde_json::from_value(answer).unwrap());
            assert_eq!(is_refused(&error), expected, "{code}");
        }
    }

    #[test]
    fn an_issuer_that_cannot_be_read_is_stalled_and_keeps_its_bundle() {
        let mut object = object();
        let error = read::<ClusterIssuer>(&object).unwrap_err();
        let written = status(&object, &error, NOW).unwrap();
        assert_eq!(written["observedGeneration"], 3);
        assert_eq!(written["bundle"], "roots");
        let statuses: Vec<_> = written["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                (
                    one["type"].as_str().unwrap(),
                    one["status"].as_str().unwrap(),
                )
            })
            .collect();
        let expected = [
            ("Ready", "False"),
            ("Reconciling", "False"),
            ("Stalled", "True"),
        ];
        assert_eq!(statuses, expected);
        object.data["status"] = written;
        assert_eq!(status(&object, &error, NOW), None, "it is written once");
    }
}
