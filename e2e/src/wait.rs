//! Waiting for what the operator does, and reporting what it did instead.

use std::fmt::{Debug, Write};
use std::pin::pin;

use anyhow::{Context, Result, anyhow, ensure};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::watch_object;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use signet_testbed::installation::Operator;
use signet_testbed::wait::Observation::{self, Progress, Reached};
use signet_testbed::wait::until;

use signet_api::external::certificate_request::CertificateRequest;

use crate::Bed;

/// What is shown of the operator's log.
const SHOWN_LINES: usize = 25;

impl Bed {
    /// Waits until an object is as `holds` wants it. `what` completes "the object is".
    ///
    /// # Errors
    /// It does not become so; the error has its status, its events and the operator's log.
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
        let mut versions = pin!(watch_object(api.clone(), name).default_backoff());
        let observe = async || {
            let version = versions.next().await.context("the watch has ended")?;
            Ok(match version {
                Ok(Some(object)) if holds(&object) => Reached(object),
                Ok(Some(object)) => {
                    let version = object.resource_version().unwrap_or_default();
                    Progress(format!("version {version} is not"))
                }
                Ok(None) => Progress("it does not exist".to_owned()),
                Err(error) => Progress(format!("it cannot be watched: {error}")),
            })
        };
        match until(format!("{} {name} to be {what}", K::kind(&())), observe).await {
            Ok(object) => Ok(object),
            Err(error) => Err(anyhow!("{error:#}\n{}", self.describe(api, name).await)),
        }
    }

    /// Waits for a line in the operator's log.
    ///
    /// # Errors
    /// There is none.
    pub async fn wait_for_log(&self, what: &str, is_it: impl Fn(&str) -> bool) -> Result<()> {
        let observe = async || {
            let log = std::fs::read_to_string(self.operator_log())?;
            Ok(match log.lines().any(&is_it) {
                true => Reached(()),
                false => Progress("no such line"),
            })
        };
        until(
            format!("a line of the operator's log about {what}"),
            observe,
        )
        .await
    }

    /// Waits for a line of the operator's log, and returns all such lines.
    ///
    /// # Errors
    /// There is none in time.
    pub async fn log_lines(
        &self,
        what: &str,
        is_it: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>> {
        let observe = async || {
            let log = std::fs::read_to_string(self.operator_log())?;
            let lines = log
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            let lines: Vec<Value> = lines.filter(&is_it).collect();
            Ok(match lines.is_empty() {
                false => Reached(lines),
                true => Progress("no such line"),
            })
        };
        let what = format!("lines of the operator's log about {what}");
        until(what, observe).await
    }

    /// What there is to see of an object: its status, its events, the end of the operator's log.
    pub async fn describe<K>(&self, api: &Api<K>, name: &str) -> String
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
    {
        let mut text = String::new();
        let mut namespace = String::new();
        match api.get(name).await {
            Ok(object) => {
                namespace = object.meta().namespace.clone().unwrap_or_default();
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
        text.push_str(&self.describe_namespace(&namespace).await);
        text
    }

    /// What there is to see of a namespace: its CertificateRequests, and the end of what the
    /// operator logged about it.
    async fn describe_namespace(&self, namespace: &str) -> String {
        let mut text = String::new();
        let requests = Api::<CertificateRequest>::namespaced(self.client(), namespace);
        for request in requests
            .list(&ListParams::default())
            .await
            .into_iter()
            .flatten()
        {
            let conditions = request.status.as_ref().map(|status| &status.conditions);
            let _ = writeln!(text, "{}: {conditions:?}", request.name_any());
        }
        let log = std::fs::read_to_string(self.operator_log()).unwrap_or_default();
        let about_it = |line: &&str| line.contains(namespace);
        let lines: Vec<_> = log.lines().filter(about_it).collect();
        let tail = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        let _ = writeln!(
            text,
            "the operator's log about {namespace} ends with\n{tail}"
        );
        text
    }

    /// Waits for an event about an object with this reason.
    ///
    /// # Errors
    /// There is none; the error has the reasons of those that there are.
    pub async fn wait_for_event<K>(&self, object: &K, reason: &str) -> Result<Event>
    where
        K: Resource<DynamicType = ()>,
    {
        let about = format!("involvedObject.uid={}", object.uid().unwrap_or_default());
        self.wait_for_event_of(&object.name_any(), &about, reason)
            .await
    }

    /// Waits for an event about a ServiceAccount that need not exist, as one about a workload whose
    /// agent was refused.
    ///
    /// # Errors
    /// There is none; the error has the reasons of those that there are.
    pub async fn wait_for_account_event(
        &self,
        (namespace, name): (&str, &str),
        reason: &str,
    ) -> Result<Event> {
        let about = format!(
            "involvedObject.kind=ServiceAccount,involvedObject.name={name},metadata.namespace={namespace}"
        );
        self.wait_for_event_of(name, &about, reason).await
    }

    async fn wait_for_event_of(&self, name: &str, about: &str, reason: &str) -> Result<Event> {
        let observe = async || {
            let events = self.events_of(about).await?;
            let reasons: Vec<_> = events
                .iter()
                .filter_map(|it| it.reason.as_deref())
                .collect();
            let reasons = format!("{reasons:?}");
            let found = events
                .into_iter()
                .find(|event| event.reason.as_deref() == Some(reason));
            Ok(found.map_or(Progress(reasons), Reached))
        };
        until(format!("an event {reason} about {name}"), observe).await
    }

    /// The events about an object.
    ///
    /// # Errors
    /// The API server did not respond.
    pub async fn events<K: Resource<DynamicType = ()>>(&self, object: &K) -> Result<Vec<Event>> {
        let about = format!("involvedObject.uid={}", object.uid().unwrap_or_default());
        self.events_of(&about).await
    }

    async fn events_of(&self, fields: &str) -> Result<Vec<Event>> {
        let events: Api<Event> = Api::all(self.client());
        let selected = ListParams::default().fields(fields);
        Ok(events.list(&selected).await?.items)
    }
}

/// Waits until an operator's admin server returns, at this path, a status and a body as wanted.
///
/// # Errors
/// It does not; the error has what it returned last.
pub async fn until_admin_returns(
    operator: &Operator,
    path: &str,
    is_wanted: impl Fn((u16, &str)) -> bool,
) -> Result<()> {
    let mut last = String::new();
    let observe = async || {
        let reached;
        (reached, last) = match operator.get(path).await {
            Ok((code, body)) => (is_wanted((code, &body)), format!("{code} {body}")),
            // A slow response does not end the wait.
            Err(error) => (false, format!("{error:#}")),
        };
        Ok(Observation::reached_if(reached, "it is another one"))
    };
    let reached = until(format!("what {path} is to return"), observe).await;
    reached.with_context(|| last)
}

/// Stops an operator as Kubernetes would.
///
/// # Errors
/// It does not stop, or exits with an error.
pub async fn stop(operator: Operator) -> Result<()> {
    let status = operator.stop().await.context("it does not stop")?;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}
