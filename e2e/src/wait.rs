//! Waiting for what the operator does, and saying what it did instead.

use std::fmt::{Debug, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use kube::runtime::wait::await_condition;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use crate::Bed;

/// How long anything may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);
/// What no watch tells is asked for at this pace.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
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

    /// Waits for a line in the operator's log.
    ///
    /// # Errors
    /// There is none in time.
    pub async fn wait_for_log(&self, what: &str, is_it: impl Fn(&str) -> bool) -> Result<()> {
        let deadline = Instant::now() + DEADLINE;
        while !std::fs::read_to_string(self.operator_log())?
            .lines()
            .any(&is_it)
        {
            ensure!(Instant::now() < deadline, "the log does not tell {what}");
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
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

    /// Waits for an event about an object with this reason.
    ///
    /// # Errors
    /// There is none in time; the error has those that there are.
    pub async fn wait_for_event<K>(&self, object: &K, reason: &str) -> Result<Event>
    where
        K: Resource<DynamicType = ()>,
    {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let events = self.events(object).await?;
            let found = events
                .iter()
                .find(|event| event.reason.as_deref() == Some(reason));
            if let Some(found) = found {
                return Ok(found.clone());
            }
            ensure!(
                Instant::now() < deadline,
                "no event {reason} among {events:?}"
            );
            sleep(POLL_INTERVAL).await;
        }
    }

    /// The events about an object.
    ///
    /// # Errors
    /// The API server did not answer.
    pub async fn events<K: Resource<DynamicType = ()>>(&self, object: &K) -> Result<Vec<Event>> {
        let events: Api<Event> = Api::all(self.client());
        let about = format!("involvedObject.uid={}", object.uid().unwrap_or_default());
        Ok(events
            .list(&ListParams::default().fields(&about))
            .await?
            .items)
    }
}
