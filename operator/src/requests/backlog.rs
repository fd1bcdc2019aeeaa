//! What requests to all issuers wait for, and for how long, for a person who asks. The operator does
//! not use it.

use jiff::Timestamp;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, PodCertificateRequest};
use k8s_openapi::api::certificates::v1beta1::PodCertificateRequest as PodCertificateRequestV1Beta1;
use kube::api::ListParams;
use kube::{Api, Client, Resource};
use signet_api::external::certificate_request::CertificateRequest;
use signet_core::quote;

use super::kind::{RequestKind, WaitingReport};
use super::listing::{self, is_not_served};
use super::object::Observed;
use crate::api_error::describe;

/// The requests of one API that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// No approver has decided on them.
    pub(crate) unapproved: Group,
    /// They name a kind of issuer that Signet does not have, so that no approver can approve them.
    pub(crate) of_unknown_kind: Group,
    /// An approver has decided, and they have no final answer.
    pub(crate) due: Group,
    /// Whether there are more requests than were read.
    pub(crate) is_partial: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) count: usize,
    pub(crate) oldest: Option<Oldest>,
}

/// The request that has waited longest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Oldest {
    /// None for a cluster-scoped one.
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    /// The issuer that it is to, or the kind that it names.
    pub(crate) to: String,
    pub(crate) since: Timestamp,
    pub(crate) reported: Reported,
}

/// What is reported of why a request waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reported {
    /// By its condition Ready, with this message, or at least this reason.
    Condition(String),
    /// Nothing yet, although the API has a condition for it.
    Nothing,
    /// By events, if at all.
    Events,
}

/// Returns the CertificateRequests that wait; none if the cluster does not have the API.
pub(crate) async fn of_certificate_requests(client: &Client) -> Result<Option<Backlog>, String> {
    let mut found = read::<CertificateRequest>(client).await;
    if let Ok(Some(backlog)) = &mut found
        && let Some(oldest) = &mut backlog.due.oldest
        && let Some(message) = ready_message(client, oldest).await
    {
        oldest.reported = Reported::Condition(message);
    }
    found.map_err(|error| describe(&error))
}

/// Returns the CertificateSigningRequests that wait for Signet.
pub(crate) async fn of_signing_requests(client: &Client) -> Result<Option<Backlog>, String> {
    let found = read::<CertificateSigningRequest>(client).await;
    found.map_err(|error| describe(&error))
}

/// Returns the PodCertificateRequests that wait for Signet; none if the cluster does not have the API.
pub(crate) async fn of_pod_requests(client: &Client) -> Result<Option<Backlog>, String> {
    let found = match read::<PodCertificateRequest>(client).await {
        Ok(None) => read::<PodCertificateRequestV1Beta1>(client).await,
        found => found,
    };
    found.map_err(|error| describe(&error))
}

async fn read<K: RequestKind>(client: &Client) -> Result<Option<Backlog>, kube::Error> {
    let api = Api::<Observed<K>>::all(client.clone());
    let mut backlog = Backlog::default();
    let read = listing::read(&api, |object| backlog.add(object)).await;
    match read {
        Ok(is_partial) => Ok(Some(Backlog {
            is_partial,
            ..backlog
        })),
        Err(error) if is_not_served(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the message of the condition Ready, where Signet has written a reason. Of the requests that
/// were listed, only the reason is read. It is listed by its name, since the user may list requests.
async fn ready_message(client: &Client, oldest: &Oldest) -> Option<String> {
    let Reported::Condition(_) = oldest.reported else {
        return None;
    };
    let namespace = oldest.namespace.as_deref()?;
    let api = Api::<CertificateRequest>::namespaced(client.clone(), namespace);
    let named = ListParams::default().fields(&format!("metadata.name={}", oldest.name));
    let listed = api.list(&named).await.ok()?;
    let status = listed.items.into_iter().next()?.status?;
    status.condition("Ready")?.message.clone()
}

impl Backlog {
    fn add<K: RequestKind>(&mut self, object: &Observed<K>) {
        let created = object.meta().creation_timestamp.as_ref();
        let created = created.map(|time| time.0).unwrap_or_default();
        if let Some(due) = object.due() {
            let since = due.approved_at.unwrap_or(created);
            self.due.add(object, since, || {
                (due.issuer.to_string(), reported::<K>(&due.before))
            });
        } else if let Some(unapproved) = object.unapproved() {
            let issuer = || (unapproved.issuer.to_string(), Reported::Events);
            match &unapproved.unknown_kind {
                None => self.unapproved.add(object, created, issuer),
                Some(kind) => self
                    .of_unknown_kind
                    .add(object, created, || (quote::message(kind), Reported::Events)),
            }
        }
    }
}

fn reported<K: RequestKind>(before: &K::Before) -> Reported {
    match K::waiting(before) {
        WaitingReport::Condition(Some(reason)) => Reported::Condition(reason.to_owned()),
        WaitingReport::Condition(None) => Reported::Nothing,
        WaitingReport::Event => Reported::Events,
    }
}

impl Group {
    fn add<K: RequestKind>(
        &mut self,
        object: &Observed<K>,
        since: Timestamp,
        about: impl FnOnce() -> (String, Reported),
    ) {
        self.count += 1;
        let oldest = self.oldest.as_ref();
        if oldest.is_none_or(|oldest| since < oldest.since) {
            let (to, reported) = about();
            let meta = object.meta();
            self.oldest = Some(Oldest {
                namespace: meta.namespace.clone(),
                name: meta.name.clone().unwrap_or_default(),
                to,
                since,
                reported,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::RawQuery;
    use axum::response::IntoResponse;
    use serde_json::{Value, json};

    use super::*;

    fn object(name: &str, created: &str, kind: &str, conditions: &Value) -> Value {
        json!({
            "apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest",
            "metadata": {
                "name": name, "namespace": "shop", "uid": name, "resourceVersion": "1",
                "creationTimestamp": created,
            },
            "spec": {
                "request": "Y3Ny", "username": "alice",
                "issuerRef": { "group": "signet.dev", "kind": kind, "name": "corp" },
            },
            "status": { "conditions": conditions },
        })
    }

    fn approved(at: &str) -> Value {
        json!({ "type": "Approved", "status": "True", "lastTransitionTime": at })
    }

    fn ready(reason: &str, message: &str) -> Value {
        json!({ "type": "Ready", "status": "False", "reason": reason, "message": message })
    }

    /// An API server with these requests, which selects by name only.
    fn server(items: Vec<Value>) -> Client {
        let list = async move |RawQuery(query): RawQuery| {
            let query = query.unwrap_or_default();
            let is_named = |item: &&Value| match query.split_once("metadata.name%3D") {
                Some((_, name)) => item["metadata"]["name"] == name.split('&').next().unwrap(),
                None => true,
            };
            let items: Vec<_> = items.iter().filter(is_named).collect();
            let list = json!({
                "apiVersion": "cert-manager.io/v1", "kind": "CertificateRequestList",
                "metadata": {}, "items": items,
            });
            list.to_string().into_response()
        };
        Client::new(Router::new().fallback(list), "default")
    }

    fn oldest(group: &Group) -> (usize, &str, &str, String, &Reported) {
        let Oldest {
            name,
            to,
            since,
            reported,
            ..
        } = group.oldest.as_ref().unwrap();
        let since = since.to_string();
        (group.count, name.as_str(), to.as_str(), since, reported)
    }

    #[tokio::test]
    async fn the_oldest_that_waits_has_the_message_of_its_condition() {
        let not_ready = ready("Pending", "IssuerNotReady: no key");
        let client = server(vec![
            object("new", "2026-09-01T03:00:00Z", "Issuer", &json!([])),
            object("old", "2026-09-01T01:00:00Z", "Issuer", &json!([])),
            object("odd", "2026-09-01T00:00:00Z", "CorpIssuer", &json!([])),
            // An approval counts from its time.
            object(
                "late",
                "2026-09-01T00:00:00Z",
                "ClusterIssuer",
                &json!([approved("2026-09-01T05:00:00Z")]),
            ),
            object(
                "due",
                "2026-09-01T04:00:00Z",
                "ClusterIssuer",
                &json!([approved("2026-09-01T04:00:00Z"), not_ready]),
            ),
            object(
                "done",
                "2026-08-01T00:00:00Z",
                "Issuer",
                &json!([approved("2026-08-01T00:00:00Z"), ready("Failed", "no")]),
            ),
        ]);
        let found = of_certificate_requests(&client).await.unwrap().unwrap();
        let at = |hour: u8| format!("2026-09-01T0{hour}:00:00Z");
        let events = &Reported::Events;
        assert_eq!(
            oldest(&found.unapproved),
            (2, "old", "Issuer shop/corp", at(1), events)
        );
        assert_eq!(
            oldest(&found.of_unknown_kind),
            (1, "odd", "\"CorpIssuer\"", at(0), events)
        );
        let message = Reported::Condition("IssuerNotReady: no key".to_owned());
        assert_eq!(
            oldest(&found.due),
            (2, "due", "ClusterIssuer corp", at(4), &message)
        );
        assert!(!found.is_partial);
    }

    #[tokio::test]
    async fn a_request_without_a_condition_is_recognized() {
        let approved = json!([approved("2026-09-01T04:00:00Z")]);
        let request = object("due", "2026-09-01T04:00:00Z", "Issuer", &approved);
        let found = of_certificate_requests(&server(vec![request])).await;
        let found = found.unwrap().unwrap();
        assert_eq!(found.due.oldest.unwrap().reported, Reported::Nothing);
        assert_eq!(found.unapproved, Group::default());
    }
}
