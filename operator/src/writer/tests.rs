//! Events, as the API server receives them.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use http::Method;
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
    (Writer::new(client, None, 1), received)
}

async fn publish(writer: &Writer, note: &str) {
    let mut object = ConfigMap::default();
    object.metadata.namespace = Some("shop".to_owned());
    object.metadata.name = Some("ca".to_owned());
    let event = PlannedEvent {
        warning: true,
        reason: "KeyUnreachable",
        action: "Check",
        note: note.to_owned(),
    };
    let plan = Plan {
        status: None,
        event: Some(event),
    };
    writer.apply(&object, plan).await.unwrap();
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
