//! Events, as the API server receives them.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use http::{Method, StatusCode, Uri};
use k8s_openapi::api::core::v1::ConfigMap;

use super::*;

type Received = Arc<Mutex<Vec<(Method, Value)>>>;

/// A writer to an API server that accepts everything, and what that receives.
fn writer() -> (Writer, Received) {
    let received = Received::default();
    let record = received.clone();
    let accept = async move |method: Method, body: Bytes| {
        let object: Value = serde_json::from_slice(&body).unwrap();
        record.lock().push((method, object));
        body
    };
    let client = Client::new(Router::new().fallback(accept), "default");
    (Writer::new(client, None, 1, Arc::default()), received)
}

fn object() -> ConfigMap {
    let mut object = ConfigMap::default();
    object.metadata.namespace = Some("shop".to_owned());
    object.metadata.name = Some("ca".to_owned());
    object
}

fn plan(note: &str, status: Option<Value>) -> Plan {
    let event = PlannedEvent {
        warning: true,
        reason: "KeyUnreachable",
        action: "Check",
        note: note.to_owned(),
    };
    Plan {
        status,
        event: Some(event),
    }
}

async fn publish(writer: &Writer, note: &str) {
    writer.apply(&object(), plan(note, None)).await.unwrap();
}

/// A writer to an API server that rejects events with this status, and accepts other writes.
fn rejecting(code: u16) -> Writer {
    let respond = async move |uri: Uri| {
        if !uri.path().contains("/events") {
            let written = json!({ "metadata": { "resourceVersion": "7" } });
            return (StatusCode::OK, Bytes::from(written.to_string()));
        }
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": "",
            "message": "failed calling webhook",
        });
        let code = StatusCode::from_u16(code).unwrap();
        (code, Bytes::from(status.to_string()))
    };
    let client = Client::new(Router::new().fallback(respond), "default");
    let api = Arc::new(ApiHealth::default());
    if code >= 500 {
        // As the client counts it.
        api.failed(crate::api_health::Failure::ServerError);
    }
    Writer::new(client, None, 1, api)
}

/// It would be written never again: nothing else shows that it was not.
#[tokio::test]
async fn an_event_alone_that_is_lost_in_an_outage_is_an_error() {
    let apply = async |code, status: Option<Value>| {
        let writer = rejecting(code);
        writer.apply(&object(), plan("no route", status)).await
    };
    let error = apply(500, None).await.unwrap_err();
    assert_eq!(describe(&error), "failed calling webhook");
    let done = apply(500, Some(json!({}))).await.unwrap();
    assert_eq!(done, WriteResult::Done, "the status is written");
    for never in [403, 422, 404] {
        let done = apply(never, None).await.unwrap();
        assert_eq!(done, WriteResult::Done, "it would fail again: {never}");
    }
}

#[tokio::test]
async fn an_event_with_another_note_is_another_event() {
    let (writer, received) = writer();
    for note in ["no route", "timed out", "timed out"] {
        publish(&writer, note).await;
    }
    let received = received.lock();
    let shown = received
        .iter()
        .map(|(method, event)| (method.as_str(), event["note"].as_str().unwrap()));
    let expected = [
        ("POST", "no route"),
        ("POST", "timed out"),
        ("PATCH", "timed out"),
    ];
    assert!(shown.eq(expected), "{received:?}");
}

/// An event that is counted once more is patched, which a terminating namespace allows.
#[tokio::test]
async fn an_event_does_not_show_that_a_namespace_is_there_again() {
    let (writer, _) = writer();
    writer.terminating.log("shop");
    publish(&writer, "no route").await;
    assert!(!writer.terminating.is_news("shop"));
}
