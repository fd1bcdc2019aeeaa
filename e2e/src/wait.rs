//! Waiting for what the operator does, and saying what it did instead.

use std::fmt::{Debug, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use kube::runtime::wait::await_condition;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Bed;

/// How long anything may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// What is shown of the operator's log.
const SHOWN_LINES: usize = 25;

impl Bed {
    /// Waits until an object is as `holds` wants it. `what` ends the sentence "… is not".
    ///
    /// # Errors
    /// It was not so in time; the error has its status, its events and the operator's log.
    pub async fn wait<K>(
        &self,
        api: &Api<K>,
        name: &str,
        what: &str,
        holds: impl Fn(&K) -> bool,
    ) -> Result<K>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Send,
        K: Sync + 'static,
    {
        let condition = |object: Option<&K>| object.is_some_and(&holds);
        let waited = await_condition(api.clone(), name, condition);
        match tokio::time::timeout(DEADLINE, waited).await {
            Ok(object) => object?.with_context(|| format!("{} {name} is gone", K::kind(&()))),
            Err(_) => bail!(
                "{} {name} is not {what} after {} s\n{}",
                K::kind(&()),
                DEADLINE.as_secs(),
                self.describe(api, name).await
            ),
        }
    }

    /// What there is to see of an object: its status, its events, the end of the operator's log.
    pub async fn describe<K>(&self, api: &Api<K>, name: &str) -> String
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
    {
        let mut text = String::new();
        match api.get(name).await {
            Ok(object) => {
                let value = serde_json::to_value(&object).unwrap_or_default();
                let _ = writeln!(text, "its status: {:#}", value["status"]);
                for event in self.events(&object).await.unwrap_or_default() {
                    let _ = writeln!(
                        text,
                        "event: {} {}",
                        event.reason.unwrap_or_default(),
                        event.message.unwrap_or_default()
                    );
                }
            }
            Err(error) => {
                let _ = writeln!(text, "it cannot be read: {error}");
            }
        }
        let log = std::fs::read_to_string(self.operator_log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        let _ = writeln!(text, "the operator's log ends with\n{tail}");
        text
    }

    /// The events about an object.
    ///
    /// # Errors
    /// The API server did not answer.
    pub async fn events<K: Resource<DynamicType = ()>>(&self, object: &K) -> Result<Vec<Event>> {
        let events: Api<Event> = Api::all(self.client());
        let about = format!("involvedObject.uid={}", object.uid().unwrap_or_default());
        Ok(events.list(&ListParams::default().fields(&about)).await?.items)
    }
}
