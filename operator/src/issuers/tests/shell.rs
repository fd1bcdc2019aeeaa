//! Reconciles against an API server that is a function.

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, Uri};
use parking_lot::Mutex;
use serde_json::json;
use signet_api::{BundleKind, BundleSpec, ClusterIssuer, ClusterIssuerSpec};
use signet_core::ca::{Bundle, CaCertificate};

use super::super::reconcile;
use super::World;
use crate::context::Context;
use crate::fixtures::ca::Ca;
use crate::fixtures::{self, DAY, corp};
use crate::publish::TrustBundles;
use crate::publish::fake::FakeNamespace;
use crate::publish::{self, Trust, Trusted};

/// The methods of the requests so far.
pub(super) type Requests = Arc<Mutex<Vec<Method>>>;

/// The context of an operator without issuers. Its API server has no objects, and fails to create
/// any.
pub(super) fn context() -> (Context, Requests) {
    let requests = Requests::default();
    let record = requests.clone();
    let respond = async move |method: Method, uri: Uri| {
        record.lock().push(method.clone());
        respond(&method, &uri)
    };
    let context = fixtures::context::with_api(Router::new().fallback(respond));
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

/// A forged object of an Issuer's name is enough for one, in a namespace where nothing can be deleted.
#[tokio::test]
async fn the_bundles_of_deleted_issuers_add_no_series() {
    let (context, requests) = context();
    let root = &CaCertificate::all_from_pem(Ca::root("Root").pem.as_bytes()).unwrap()[0];
    let mut bundles = FakeNamespace::default();
    let trust = Trust {
        roots: Trusted::Roots(Bundle::of([root])),
        too_large: None,
    };
    let spec = World::self_signed(DAY).spec;
    let observe = |bundles: &FakeNamespace| bundles.observe(&corp(), &spec);
    bundles.publish(&corp(), &observe(&bundles), &trust);
    let observed = observe(&bundles);
    assert_eq!(observed.count(), 1);
    publish::remove(&corp(), &observed, &context).await;
    assert!(requests.lock().contains(&Method::DELETE));
    assert_eq!(context.metrics.issuers(), []);
    let text = context.metrics.scrape(&Default::default()).unwrap();
    assert!(!text.contains(r#"issuer="corp""#), "{text}");
}

/// Nothing finds out what the cluster serves then, and the issuer does not wait for it.
#[tokio::test]
async fn a_cluster_trust_bundle_that_no_flag_allows_is_reported() {
    let (mut context, _) = context();
    context.settings.cluster_trust_bundles = false;
    context.trust_bundles = TrustBundles::default();
    let mut spec = World::self_signed(DAY).spec;
    for (wish, is_reported) in [(Some(true), true), (Some(false), false), (None, false)] {
        spec.bundle = Some(BundleSpec {
            kind: BundleKind::None,
            cluster_trust_bundle: wish,
            ..BundleSpec::default()
        });
        let observed = publish::observe(&corp(), Some(&spec), &context).await;
        let trust = Trust {
            roots: Trusted::Unknown,
            too_large: None,
        };
        let report = publish::publish(&corp(), "uid-1", &observed, &trust, false, &context).await;
        let problem = report.problem().unwrap_or_default();
        let value = "bundles.clusterTrustBundles.enabled";
        assert_eq!(problem.contains(value), is_reported, "{wish:?}: {problem}");
        assert_eq!(report.is_held(), is_reported, "{wish:?}");
    }
}
