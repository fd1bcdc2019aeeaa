//! Kubelets that restart request a certificate for every pod of their nodes at once.

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::Csr;
use signet_e2e::{Kubelet, PodAsk, TestNamespace, spec};

use super::TRUST_DOMAIN;

shared![a_limited_key_serves_namespaces_fairly_and_fails_none];

const NODES: usize = 20;
const REQUESTS_OF_A_NODE: usize = 15;
const REQUESTS_OF_ANOTHER_NAMESPACE: usize = 10;
/// Clients of the API server at a time.
const WRITERS: usize = 16;

/// 300 requests of 20 nodes at a key with a limit, and then ten in another namespace. A unit test
/// has 2,000 requests in the queue.
async fn a_limited_key_serves_namespaces_fairly_and_fails_none(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::spiffe(&test.unique("limited"), TRUST_DOMAIN);
    spec["keyLimits"] = json!({ "signaturesPerSecond": 30, "maxInFlight": 4 });
    let issuer = test.issuer(ClusterIssuer, "limited", spec).await?;
    let csr = Csr::of_new_key()?.build()?;
    let signer = issuer.signer_name();
    let other = TestNamespace::create(test.bed(), "other").await?;
    let mut restarted = Vec::new();
    for namespace in [test, &other] {
        namespace.robot("web").await?;
    }
    for node in 0..NODES {
        let kubelet = test.kubelet(&format!("node-{node}")).await?;
        let mounts = [(signer.as_str(), "ECDSAP256")];
        let pod = format!("web-{node}");
        let ask = test.pod(&kubelet, &pod, "web", &mounts).await?.stub(&csr);
        // From here on, the caches of the API server have it.
        test.request_for_pod(&kubelet, &ask).await?;
        restarted.push((kubelet, ask));
    }
    let kubelet = restarted[0].0.clone();
    let mounts = [(signer.as_str(), "ECDSAP256")];
    let late = other.pod(&kubelet, "late", "web", &mounts).await?;
    let late = (kubelet, late.stub(&csr));
    other.request_for_pod(&late.0, &late.1).await?;
    test.all_issued_for_pods(NODES).await?;
    other.all_issued_for_pods(1).await?;

    create(test, &restarted, REQUESTS_OF_A_NODE).await?;
    create(&other, &[late], REQUESTS_OF_ANOTHER_NAMESPACE).await?;
    let many = test
        .all_issued_for_pods(NODES * (REQUESTS_OF_A_NODE + 1))
        .await?;
    let few = other
        .all_issued_for_pods(REQUESTS_OF_ANOTHER_NAMESPACE + 1)
        .await?;
    ensure!(
        few < many,
        "ten requests that were last end at {few}, before the many at {many}"
    );
    Ok(())
}

async fn create(test: &TestNamespace, asks: &[(Kubelet, PodAsk)], each: usize) -> Result<()> {
    let requests = (0..each).flat_map(|_| asks);
    let created = stream::iter(requests)
        .map(|(kubelet, ask)| test.request_for_pod(kubelet, ask))
        .buffer_unordered(WRITERS);
    created.try_for_each(async |_| Ok(())).await
}
