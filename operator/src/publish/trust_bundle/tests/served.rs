use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use kube::Client;
use serde_json::json;

use super::super::object::Version;
use super::super::served::{Served, TrustBundles, discover};

/// A cluster that serves these versions of the group with ClusterTrustBundles, and version 1
/// without them.
fn cluster(versions: &'static [&'static str], other: StatusCode) -> Client {
    let respond = async move |uri: Uri| -> Response {
        let version = uri.path().rsplit('/').next().unwrap_or_default();
        let is_served = versions.contains(&version);
        if !is_served && version != "v1" || other != StatusCode::NOT_FOUND {
            let status = json!({ "status": "Failure", "code": other.as_u16(), "message": "no" });
            return (other, status.to_string()).into_response();
        }
        let resource = |name: &str| {
            json!({
                "name": name, "singularName": "", "namespaced": false, "kind": "X", "verbs": [],
            })
        };
        let mut resources = vec![resource("certificatesigningrequests")];
        resources.extend(is_served.then(|| resource("clustertrustbundles")));
        let group = format!("certificates.k8s.io/{version}");
        let list = json!({ "groupVersion": group, "resources": resources });
        list.to_string().into_response()
    };
    Client::new(Router::new().fallback(respond), "default")
}

#[tokio::test]
async fn ctb_1_the_newest_version_that_is_served_is_used() {
    for (versions, expected) in [
        (&["v1"][..], Served::Version(Version::V1)),
        (&["v1", "v1beta1"], Served::Version(Version::V1)),
        (&["v1beta1"], Served::Version(Version::V1Beta1)),
        (&["v1alpha1"], Served::No),
        (&[], Served::No),
    ] {
        let client = cluster(versions, StatusCode::NOT_FOUND);
        assert_eq!(discover(&client).await, expected, "{versions:?}");
    }
    let failing = cluster(&["v1"], StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(discover(&failing).await, Served::Unknown("no".to_owned()));
}

#[tokio::test]
async fn whether_it_is_served_is_awaited_and_may_change() {
    let bundles = TrustBundles::default();
    let waits = tokio::time::timeout(std::time::Duration::ZERO, bundles.served());
    assert!(waits.await.is_err());
    for (before, served) in [
        (None, Served::No),
        (Some(Served::No), Served::Version(Version::V1Beta1)),
    ] {
        assert_eq!(bundles.set_served(served.clone()), before);
        assert_eq!(bundles.served().await, served);
    }
}
