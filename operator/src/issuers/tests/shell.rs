//! Reconciles against an API server that is a function.

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use clap::Parser;
use http::{Method, StatusCode, Uri};
use jiff::Timestamp;
use kube::Client;
use kube::runtime::reflector;
use parking_lot::Mutex;
use serde_json::json;
use signet_api::{ClusterIssuer, ClusterIssuerSpec};
use signet_keys::{FairSemaphore, Limits};

use super::super::reconcile;
use super::World;
use crate::args::{Cli, Command};
use crate::connections::Connections;
use crate::context::{Context, Issuers};
use crate::fixtures::DAY;
use crate::keyring::Keyring;
use crate::sharing::Sharing;
use crate::wakeups::Wakeups;
use crate::writer::Writer;

/// The methods of the requests so far.
type Requests = Arc<Mutex<Vec<Method>>>;

/// The context of an operator without issuers. Its API server has no objects, and fails to create
/// any.
fn context() -> (Context, Requests) {
    let requests = Requests::default();
    let record = requests.clone();
    let respond = async move |method: Method, uri: Uri| {
        record.lock().push(method.clone());
        respond(&method, &uri)
    };
    let client = Client::new(Router::new().fallback(respond), "default");
    let Command::Run(settings) = Cli::parse_from(["signet", "run"]).command;
    let wakeups = Wakeups::default();
    let caps = Limits {
        per_second: None,
        max_in_flight: u16::MAX,
    };
    let context = Context {
        writer: Writer::new(client.clone(), None, 1),
        client,
        settings: *settings,
        api_server: None,
        modules: Arc::default(),
        keyring: Keyring::new(wakeups.clone()),
        connections: Connections::new(caps, wakeups.clone()),
        sharing: Sharing::new(wakeups.clone()),
        wakeups,
        issuers: Issuers {
            issuers: reflector::store().0,
            cluster_issuers: reflector::store().0,
        },
        attempts: Default::default(),
        metrics: Arc::default(),
        health: Arc::default(),
        reads: FairSemaphore::new(1),
        stop: Default::default(),
        key_generation: Default::default(),
        chain_parsing: Default::default(),
        signing: Default::default(),
        now: Timestamp::now,
    };
    (context, requests)
}

fn respond(method: &Method, uri: &Uri) -> Response {
    let failure = |code: StatusCode, reason: &str| {
        let status = json!({ "status": "Failure", "code": code.as_u16(), "reason": reason });
        (code, status.to_string()).into_response()
    };
    if method != Method::GET {
        failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalError")
    } else if uri.path().ends_with("/cagenerations") {
        let list = json!({
            "kind": "CAGenerationList",
            "apiVersion": "signet.dev/v1alpha1",
            "metadata": {},
            "items": [],
        });
        list.to_string().into_response()
    } else {
        failure(StatusCode::NOT_FOUND, "NotFound")
    }
}

/// The reconcile ends before an outcome is published, because the key cannot be created.
#[tokio::test]
async fn the_connection_of_a_deleted_issuer_does_not_outlive_a_failed_reconcile() {
    let (context, requests) = context();
    let context = Arc::new(context);
    let spec = World::self_signed(DAY).spec;
    let issuer = ClusterIssuer::new("corp", ClusterIssuerSpec(spec));
    let reconciled = reconcile(Arc::new(issuer), context.clone()).await;
    assert!(reconciled.is_err(), "{reconciled:?}");
    assert_eq!(requests.lock().last(), Some(&Method::POST));
    assert_eq!(context.connections.issuers(), []);
}
