//! A backend that throttles for a while, in the middle of many requests.

use anyhow::Result;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::keys::{self, RemoteKey};
use signet_e2e::{Burst, TestNamespace};
use signet_testbed::Proxy;
use signet_testbed::proxy::{Fault, Requests};

shared![
    vault_throttles_in_100_requests,
    aws_kms_throttles_in_100_requests,
];

const COUNT: usize = 100;
/// So many are created before it throttles, the others meanwhile.
const BEFORE: usize = 30;

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
