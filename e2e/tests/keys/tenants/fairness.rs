//! A tenant takes no time of another's: neither by dead servers nor by many requests.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;
use signet_api::Issuer;
use signet_api::IssuerKind::ClusterIssuer;
use signet_api::external::certificate_request::CertificateRequest;
use signet_e2e::csr::Csr;
use signet_e2e::keys;
use signet_e2e::runtime::blocking;
use signet_e2e::{Ask, Burst, TestNamespace, ready_condition};
use signet_testbed::Proxy;
use signet_testbed::proxy::{Fault, Requests};

use super::tenant::{Tenant, by_token, vault};

shared![
    a_dead_server_in_fifty_issuers_delays_no_other_issuer,
    a_burst_of_one_tenant_does_not_delay_another,
];

const ISSUERS: u32 = 50;
/// The operator waits longer than this for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(3);
const BURST: usize = 150;

/// Each of them waits for a TLS handshake that does not come.
async fn a_dead_server_in_fifty_issuers_delays_no_other_issuer(test: &TestNamespace) -> Result<()> {
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
    let status = at_work.wait_until_ready(&issuer).await?;
    let ready = ready_condition(&status).context("it is ready")?;
    let object = at_work.api::<Issuer>().get(&issuer.name).await?;
    let created = object.creation_timestamp().context("it was created")?;
    let took = ready.last_transition_time.0.duration_since(created.0);
    // It does not wait until most of them have timed out, one after the other.
    let most = SignedDuration::try_from(HANDSHAKE * (ISSUERS * 3 / 4))?;
    ensure!(took < most, "it was ready after {took:#}");
    let csr = Csr::for_dns("shop.example")?;
    let request = at_work.ask(&Ask::new(&issuer, &csr)).await?;
    at_work.issued(&request, &csr).await?;
    for issuer in &issuers {
        let message = hanging
            .wait_until_not_ready(issuer, "KeyUnreachable")
            .await?;
        ensure!(message.contains("did not respond within"), "{message}");
    }
    let connections = server.connections();
    ensure!(connections >= issuers.len(), "not all of them called");
    Ok(())
}

/// Two at a time sign with a slow key. Namespaces that wait are served round-robin, so a request that
/// comes when many of another namespace wait is not behind them.
async fn a_burst_of_one_tenant_does_not_delay_another(test: &TestNamespace) -> Result<()> {
    /// How many of the burst wait when the other request comes, and how many of them must be
    /// issued after it.
    const WAITING: usize = 100;
    const BEHIND: usize = 50;
    let key = keys::vault().await?;
    let issuer = test.issuer_ref(ClusterIssuer, "slow");
    test.put_credential(&issuer, &*key).await?;
    let mut spec = test.spec_over(&issuer, &*key, json!({ "selfSigned": {} }));
    spec["keyLimits"] = json!({ "maxInFlight": 2 });
    let issuer = test.issuer(ClusterIssuer, "slow", spec).await?;
    let slow = Fault::Latency(Duration::from_secs(1));
    key.proxy().add(Requests::Path("/sign/".to_owned()), slow);

    let many = TestNamespace::create(test.bed(), "many").await?;
    let mut burst = Burst::new(&many, &issuer);
    burst.ask(BURST).await?;
    burst.watched().queued(WAITING).await?;
    let one = TestNamespace::create(test.bed(), "one").await?;
    let single = Csr::for_dns("one.example")?;
    let request = one.ask(&Ask::new(&issuer, &single)).await?;
    one.issued(&request, &single).await?;
    key.proxy().clear();
    burst.all_issued().await?;
    let own = position(&one.request(&request).await?)?;
    let mut behind = 0;
    for other in many.api().list(&ListParams::default()).await? {
        behind += usize::from(position(&other)? > own);
    }
    ensure!(
        behind >= BEHIND,
        "only {behind} of the burst were issued after it"
    );
    Ok(())
}

/// Where an issued request stands in the order of issuance: it is not written to after that, and
/// versions count up in the whole cluster.
fn position(request: &CertificateRequest) -> Result<u64> {
    Ok(request.resource_version().context("a version")?.parse()?)
}
