//! A tenant takes no time of another's: neither by dead servers nor by many requests.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;
use signet_api::IssuerKind::ClusterIssuer;
use signet_api::external::certificate_request::CertificateRequest;
use signet_e2e::csr::Csr;
use signet_e2e::keys;
use signet_e2e::runner::blocking;
use signet_e2e::{Ask, TestNamespace, ready};
use signet_testbed::Proxy;
use signet_testbed::proxy::{Fault, Requests};
use tokio::time::{Instant, sleep};

use super::tenant::{Tenant, by_token, vault};

shared![
    a_dead_server_in_fifty_issuers_holds_up_nobody_else,
    a_burst_of_one_tenant_is_in_the_way_for_one_turn,
];

const ISSUERS: usize = 50;
const BURST: usize = 300;
/// Writers at a time.
const WRITERS: usize = 16;
const DEADLINE: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Each of them waits for a TLS handshake that does not come. One after the other, they would
/// take longer than the other tenant's issuer has.
async fn a_dead_server_in_fifty_issuers_holds_up_nobody_else(test: &TestNamespace) -> Result<()> {
    let server = blocking(|| Proxy::https("https://127.0.0.1:9", None)).await?;
    server.silence_connections();
    let hanging = Tenant::new(test.bed(), "hanging").await?;
    hanging
        .secret("vault-token", json!({ "token": "s.of-the-tenant" }))
        .await?;
    let mut issuers = Vec::new();
    for number in 0..ISSUERS {
        let key = vault(&server.address(), Some(server.ca_pem()), by_token());
        issuers.push(hanging.has(&format!("ca-{number}"), key).await?);
    }
    let at_work = Tenant::new(test.bed(), "at-work").await?;
    let key = json!({ "software": { "secretName": "key" } });
    let issuer = at_work.has("ca", key).await?;
    at_work.wait_until_ready(&issuer).await?;
    let csr = Csr::for_dns("shop.example")?;
    let request = at_work.ask(&Ask::new(&issuer, &csr)).await?;
    at_work.issued(&request, &csr).await?;
    for issuer in &issuers {
        let told = hanging
            .wait_until_not_ready(issuer, "KeyUnreachable")
            .await?;
        ensure!(told.contains("does not answer in time"), "{told}");
    }
    ensure!(server.connections() >= ISSUERS, "not all of them called");
    Ok(())
}

/// Two at a time sign with a slow key. Turns go around among the namespaces that wait, so a
/// request that comes when hundreds of another namespace wait is not behind them.
async fn a_burst_of_one_tenant_is_in_the_way_for_one_turn(test: &TestNamespace) -> Result<()> {
    /// What must be left of the burst when the other request comes, for the order to show
    /// anything, and when it is issued.
    const LEFT: usize = 50;
    let key = keys::vault().await?;
    let slow = Fault::Latency(Duration::from_millis(150));
    key.proxy().add(Requests::Path("/sign/".to_owned()), slow);
    let issuer = test.issuer_ref(ClusterIssuer, "slow");
    test.put_credential(&issuer, &*key).await?;
    let mut spec = test.spec_over(&issuer, &*key, json!({ "selfSigned": {} }));
    spec["keyLimits"] = json!({ "maxInFlight": 2 });
    test.create_issuer(ClusterIssuer, "slow", spec).await?;
    test.wait_until_ready(&issuer).await?;

    let many = TestNamespace::create(test.bed(), "many").await?;
    let csr = Csr::for_dns("many.example")?;
    let ask = Ask::new(&issuer, &csr);
    let asked = stream::iter(0..BURST).map(|_| many.ask(&ask));
    asked
        .buffer_unordered(WRITERS)
        .try_collect::<Vec<_>>()
        .await?;
    let approved = |object: &CertificateRequest| {
        let status = object.status.as_ref();
        status.is_some_and(|status| status.is_true("Approved"))
    };
    wait_for(&many, |requests| requests.iter().all(approved)).await?;
    let before = positions(&all(&many).await?)?.len();
    ensure!(
        before + 2 * LEFT < BURST,
        "{before} are issued: too late to show anything"
    );

    let one = TestNamespace::create(test.bed(), "one").await?;
    let single = Csr::for_dns("one.example")?;
    let request = one.ask(&Ask::new(&issuer, &single)).await?;
    one.issued(&request, &single).await?;
    wait_for(&many, |requests| requests.iter().all(is_issued)).await?;
    let own = positions(&[one.request(&request).await?])?;
    let others = positions(&all(&many).await?)?;
    let behind = others.iter().filter(|position| **position > own[0]).count();
    ensure!(
        behind >= LEFT,
        "only {behind} of the burst were issued after it"
    );
    key.proxy().clear();
    Ok(())
}

async fn all(test: &TestNamespace) -> Result<Vec<CertificateRequest>> {
    let requests = test.api::<CertificateRequest>();
    Ok(requests.list(&ListParams::default()).await?.items)
}

async fn wait_for(
    test: &TestNamespace,
    holds: impl Fn(&[CertificateRequest]) -> bool,
) -> Result<()> {
    let deadline = Instant::now() + DEADLINE;
    while !holds(&all(test).await?) {
        ensure!(Instant::now() < deadline, "the burst does not come to that");
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

fn is_issued(request: &CertificateRequest) -> bool {
    ready(request).is_some_and(|ready| ready.reason.as_deref() == Some("Issued"))
}

/// Where those that are issued stand in the order of issuance: nobody writes to a request after
/// that, and versions count up in the whole cluster.
fn positions(requests: &[CertificateRequest]) -> Result<Vec<u64>> {
    let issued = requests.iter().filter(|request| is_issued(request));
    issued
        .map(|request| Ok(request.resource_version().context("a version")?.parse()?))
        .collect()
}
