//! Which version of the API is watched: the newest that the API server serves (PCR-1).

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::api::certificates::v1::PodCertificateRequest as V1;
use k8s_openapi::api::certificates::v1beta1::PodCertificateRequest as V1Beta1;
use kube::{Client, Resource};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::api_error::describe;
use crate::context::Context;
use crate::discovery::serves;
use crate::requests::controller::{Controller, CountDue};

/// How often the version is looked up again, since the API server may be upgraded.
const INTERVAL: Duration = Duration::from_secs(300);
/// How long to wait after a lookup failed.
const RETRY: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Served {
    V1,
    V1Beta1,
    Neither,
}

/// Returns the controller of the API, in whichever version is served.
pub(in crate::requests) fn controller(context: &Arc<Context>) -> Controller {
    let listed = CancellationToken::new();
    let due: Arc<Mutex<Option<CountDue>>> = Arc::default();
    let count = due.clone();
    Controller {
        run: run(context.clone(), listed.clone(), due).boxed(),
        listed,
        due: Arc::new(move |counts| {
            if let Some(count) = &*count.lock() {
                count(counts);
            }
        }),
    }
}

/// Runs a controller of the served version, and another one if that changes.
async fn run(context: Arc<Context>, listed: CancellationToken, due: Arc<Mutex<Option<CountDue>>>) {
    let mut version = None;
    while let Some(served) = other_than(version, &context).await {
        let term = context.stop.child_token();
        let started = start(served, &context, &term, &listed);
        *due.lock() = started.as_ref().map(|(count, _)| count.clone());
        let until_changed = async {
            wait(INTERVAL, &context).await;
            other_than(Some(served), &context).await;
            term.cancel();
        };
        match started {
            Some((_, controller)) => {
                tokio::join!(controller, until_changed);
            }
            None => until_changed.await,
        }
        version = Some(served);
    }
}

type Started = (CountDue, futures::future::BoxFuture<'static, ()>);

fn start(
    served: Served,
    context: &Arc<Context>,
    term: &CancellationToken,
    listed: &CancellationToken,
) -> Option<Started> {
    let controller = match served {
        Served::V1 => Controller::until::<V1>(context, term.clone(), listed.clone()),
        Served::V1Beta1 => Controller::until::<V1Beta1>(context, term.clone(), listed.clone()),
        Served::Neither => {
            tracing::info!("the API server does not serve PodCertificateRequests");
            listed.cancel();
            return None;
        }
    };
    Some((controller.due, controller.run))
}

/// Waits until the served version is not this one, and returns it; none if the operator stops.
async fn other_than(known: Option<Served>, context: &Context) -> Option<Served> {
    while !context.stop.is_cancelled() {
        match served(&context.client).await {
            Ok(version) if Some(version) != known => return Some(version),
            Ok(_) => wait(INTERVAL, context).await,
            Err(error) => {
                if !context.api.tells(&error) {
                    let error = describe(&error);
                    tracing::warn!(
                        error,
                        "cannot look up the versions of PodCertificateRequests"
                    );
                }
                wait(RETRY, context).await;
            }
        }
    }
    None
}

async fn wait(time: Duration, context: &Context) {
    let slept = tokio::time::sleep(time);
    context.stop.run_until_cancelled(slept).await;
}

async fn served(client: &Client) -> Result<Served, kube::Error> {
    for (version, served) in [
        (V1::api_version(&()), Served::V1),
        (V1Beta1::api_version(&()), Served::V1Beta1),
    ] {
        if serves(client, &version, &V1::plural(&())).await? {
            return Ok(served);
        }
    }
    Ok(Served::Neither)
}

#[cfg(test)]
mod tests {
    use http::{Request, Response, StatusCode};
    use kube::client::Body;
    use serde_json::json;

    use super::*;

    /// An API server that serves the resource in these versions, and CSRs in v1.
    fn server(versions: &'static [&'static str]) -> Client {
        let respond = move |request: Request<Body>| async move {
            let version = request
                .uri()
                .path()
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned();
            let mut resources = vec![json!({
                "name": "certificatesigningrequests", "singularName": "", "namespaced": false,
                "kind": "CertificateSigningRequest", "verbs": ["list"],
            })];
            if versions.contains(&version.as_str()) {
                resources.push(json!({
                    "name": "podcertificaterequests", "singularName": "", "namespaced": true,
                    "kind": "PodCertificateRequest", "verbs": ["list"],
                }));
            }
            let known = version == "v1" || versions.contains(&version.as_str());
            let body = json!({
                "kind": "APIResourceList", "apiVersion": "v1",
                "groupVersion": format!("certificates.k8s.io/{version}"), "resources": resources,
            });
            let response = match known {
                true => Response::new(Body::from(body.to_string().into_bytes())),
                false => Response::builder()
                    .status(StatusCode::NOT_FOUND)
                    .body(Body::from(b"404 page not found\n".to_vec()))
                    .unwrap(),
            };
            Ok::<_, std::convert::Infallible>(response)
        };
        Client::new(tower::service_fn(respond), "default")
    }

    /// PCR-1.
    #[tokio::test]
    async fn finds_the_newest_version_that_is_served() {
        for (versions, expected) in [
            (&["v1"][..], Served::V1),
            (&["v1", "v1beta1"], Served::V1),
            (&["v1beta1"], Served::V1Beta1),
            (&[], Served::Neither),
        ] {
            let found = served(&server(versions)).await.unwrap();
            assert_eq!(found, expected, "{versions:?}");
        }
    }
}
