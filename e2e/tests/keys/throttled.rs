//! A backend that throttles for a while, in the middle of many requests.

use anyhow::Result;
use serde_json::json;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::Csr;
use signet_e2e::keys::{self, RemoteKey};
use signet_e2e::{Burst, TestNamespace};
use signet_testbed::Proxy;
use signet_testbed::proxy::{Fault, Requests};

shared![
    vault_throttles_in_100_requests,
    aws_kms_throttles_in_100_requests,
    aws_kms_throttles_when_kubelets_restart,
];

const COUNT: usize = 100;
/// So many are created before it throttles, the others meanwhile.
const BEFORE: usize = 30;
const NODES: usize = 10;
const REQUESTS_OF_A_NODE: usize = 5;

async fn vault_throttles_in_100_requests(test: &TestNamespace) -> Result<()> {
    let key = keys::vault().await?;
    let signatures = Requests::Path("/sign/".to_owned());
    let fault = Fault::too_many_requests(1);
    throttled(test, &*key, key.proxy(), (signatures, fault)).await
}

async fn aws_kms_throttles_in_100_requests(test: &TestNamespace) -> Result<()> {
    let key = keys::kms().await?;
    let signatures = Requests::Action("Sign".to_owned());
    let fault = Fault::aws_error(400, "ThrottlingException", "Rate exceeded");
    throttled(test, &*key, key.proxy(), (signatures, fault)).await
}

/// No request for a pod fails by it: Failed would end the start of the pod (PCR-17).
async fn aws_kms_throttles_when_kubelets_restart(test: &TestNamespace) -> Result<()> {
    let key = keys::kms().await?;
    let issuer = test.issuer_ref(ClusterIssuer, "pods");
    test.put_credential(&issuer, &*key).await?;
    let mut spec = test.spec_over(&issuer, &*key, json!({ "selfSigned": {} }));
    spec["spiffe"] = json!({ "trustDomain": "pods.example" });
    test.issuer(ClusterIssuer, "pods", spec).await?;
    test.robot("web").await?;
    let csr = Csr::of_new_key()?.build()?;
    let signer = issuer.signer_name();
    let mut pods = Vec::new();
    for node in 0..NODES {
        let kubelet = test.kubelet(&format!("node-{node}")).await?;
        let mounts = [(signer.as_str(), "ECDSAP256")];
        let name = format!("web-{node}");
        let pod = test.pod(&kubelet, &name, "web", &mounts).await?;
        let ask = pod.stub(&csr);
        test.request_for_pod(&kubelet, &ask).await?;
        pods.push((kubelet, ask));
    }
    test.all_issued_for_pods(NODES).await?;

    let fault = Fault::aws_error(400, "ThrottlingException", "Rate exceeded");
    key.proxy().add(Requests::Action("Sign".to_owned()), fault);
    for _ in 0..REQUESTS_OF_A_NODE {
        for (kubelet, ask) in &pods {
            test.request_for_pod(kubelet, ask).await?;
        }
    }
    test.wait_until_not_ready(&issuer, "KeyThrottled").await?;
    key.proxy().clear();
    test.all_issued_for_pods(NODES * (REQUESTS_OF_A_NODE + 1))
        .await?;
    Ok(())
}

async fn throttled(
    test: &TestNamespace,
    key: &dyn RemoteKey,
    proxy: &Proxy,
    (signatures, fault): (Requests, Fault),
) -> Result<()> {
    let issuer = test.issuer_over(ClusterIssuer, "throttled", key).await?;
    let mut burst = Burst::new(test, &issuer);
    burst.ask(BEFORE).await?;
    burst.watched().issued(BEFORE / 2).await?;
    proxy.add(signatures, fault);
    burst.ask(COUNT - BEFORE).await?;
    // By then every retry of the first of them is used up.
    test.wait_until_not_ready(&issuer, "KeyThrottled").await?;
    proxy.clear();
    burst.check(&["Issued", "Pending"]).await
}
