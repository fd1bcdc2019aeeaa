//! The operator as a process: restarts, the Lease, the end. On the second control plane, where
//! cert-manager's own approver approves.

use anyhow::{Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, Bed, Burst, OwnBed, TestNamespace, ready, stop, until_admin_returns};
use signet_testbed::installation::{NAMESPACE, Operator};

/// So that another replica takes over soon after one is killed.
const SHORT_LEASE: [&str; 2] = ["--leader-election-lease-duration", "4s"];
/// How many requests there are, and how many of them are issued when the operator ends.
const COUNT: usize = 200;
const SOME: usize = 20;

/// Kill it at any instruction and start it again: nothing is lost, nothing is published twice.
pub(crate) async fn killed_in_the_middle_of_200_requests(bed: OwnBed) -> Result<()> {
    let operator = bed.start_operator(&SHORT_LEASE).await?;
    let test = TestNamespace::create(bed.bed(), "killed").await?;
    let issuer = test.root().await?;
    let mut burst = Burst::new(&test, &issuer);
    let watched = burst.watched();
    let killed = async {
        watched.issued(SOME).await?;
        operator.kill()
    };
    burst.ask_until(killed).await?;
    ask_while_none_runs(&mut burst).await?;
    let operator = bed.start_operator(&SHORT_LEASE).await?;
    burst.check(&["Issued"]).await?;
    stop(operator).await
}

pub(crate) async fn a_graceful_stop_finishes_what_is_in_flight(bed: OwnBed) -> Result<()> {
    /// So that it does not run out meanwhile.
    const LONG_LEASE: [&str; 2] = ["--leader-election-lease-duration", "40s"];
    let operator = bed.start_operator(&LONG_LEASE).await?;
    let test = TestNamespace::create(bed.bed(), "stopped").await?;
    let issuer = test.root().await?;
    let mut burst = Burst::new(&test, &issuer);
    let watched = burst.watched();
    let stopped = async {
        watched.issued(SOME).await?;
        stop(operator).await
    };
    burst.ask_until(stopped).await?;
    let lease = leases(&bed).get("signet").await?.spec;
    let holder = lease.and_then(|lease| lease.holder_identity);
    ensure!(holder.is_none(), "the Lease is still that of {holder:?}");
    ask_while_none_runs(&mut burst).await?;
    let operator = bed.start_operator(&LONG_LEASE).await?;
    burst.check(&["Issued"]).await?;
    stop(operator).await
}

/// Up to [`COUNT`], and a few in any case, none of which is issued.
async fn ask_while_none_runs(burst: &mut Burst<'_>) -> Result<()> {
    let before = burst.count();
    burst.ask(COUNT.saturating_sub(before).max(SOME)).await?;
    let issued = burst.watched().count_issued();
    ensure!(issued <= before, "{issued} of {before} are issued");
    Ok(())
}

pub(crate) async fn two_replicas_one_stands_by_and_takes_over(bed: OwnBed) -> Result<()> {
    let first = bed.start_operator(&SHORT_LEASE).await?;
    leads(&first, true).await?;
    let second = Operator::start_unready(&bed.operator_options(&SHORT_LEASE)).await?;
    is_ready(&second).await?;
    leads(&second, false).await?;
    let test = TestNamespace::create(bed.bed(), "replicas").await?;
    let issuer = test.root().await?;
    let mut burst = Burst::new(&test, &issuer);
    burst.ask(5).await?;
    burst.all_issued().await?;
    let text = second.get("/metrics").await?.1;
    ensure!(
        !text.contains("signet_requests_total{"),
        "the second did nothing: {text}"
    );

    first.kill()?;
    leads(&second, true).await?;
    burst.ask(5).await?;
    burst.check(&["Issued"]).await?;
    stop(second).await
}

/// A replica that lost the Lease does nothing until the Lease is free again, and keeps its counters.
pub(crate) async fn a_lost_lease_stops_the_work_until_it_is_free(bed: OwnBed) -> Result<()> {
    let operator = bed.start_operator(&SHORT_LEASE).await?;
    let test = TestNamespace::create(bed.bed(), "lease").await?;
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    // cert-manager's approver is active here, and approves before this test could.
    let first = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.wait_until_approved(&first).await?;
    test.issued(&first, &csr).await?;
    let leases = leases(&bed);
    hold(&leases, "another-replica", 3600).await?;
    leads(&operator, false).await?;

    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.wait_until_approved(&request).await?;
    cert_manager_has_issued(&test).await?;
    ensure!(
        ready(&test.request(&request).await?).is_none(),
        "it works without the Lease"
    );
    ensure!(operator.get("/livez").await?.0 == 200, "and lives");
    let standing_by = operator.get("/metrics").await?.1;
    ensure!(
        !standing_by.contains("signet_issuer_ready{"),
        "{standing_by}"
    );

    // Held for a second more, and then free.
    hold(&leases, "another-replica", 1).await?;
    leads(&operator, true).await?;
    test.issued(&request, &csr).await?;
    shows(&operator, r#"outcome="issued",reason="Issued"} 2"#).await?;
    stop(operator).await
}

/// Something that takes a request from its creation to a certificate, in another's hands: enough
/// time for ours to be taken up, were it taken up.
async fn cert_manager_has_issued(test: &TestNamespace) -> Result<()> {
    test.self_signed_issuer(test.name(), "self-signed").await?;
    let names = json!({ "dnsNames": ["barrier.example"] });
    test.create_certificate("barrier", json!({ "name": "self-signed" }), names)
        .await?;
    let issued = |found: &signet_e2e::Certificate| found.is_true("Ready");
    test.bed()
        .wait(&test.api(), "barrier", "issued by cert-manager", issued)
        .await?;
    Ok(())
}

async fn hold(leases: &Api<Lease>, holder: &str, seconds: u32) -> Result<()> {
    let patch = Patch::Merge(json!({ "spec": {
        "holderIdentity": holder,
        "leaseDurationSeconds": seconds,
        "renewTime": MicroTime(jiff::Timestamp::now()),
    }}));
    leases
        .patch("signet", &PatchParams::default(), &patch)
        .await?;
    Ok(())
}

/// One that stands by is ready too, once it knows that it does.
async fn is_ready(operator: &Operator) -> Result<()> {
    until_admin_returns(operator, "/readyz", |(code, _)| code == 200).await
}

/// Waits until the metrics show that an operator leads, or does not.
async fn leads(operator: &Operator, leads: bool) -> Result<()> {
    shows(operator, &format!("signet_leading {}", u8::from(leads))).await
}

/// Waits until a line of the metrics ends like this.
async fn shows(operator: &Operator, end: &str) -> Result<()> {
    let shows = |(_, text): (u16, &str)| text.lines().any(|line| line.ends_with(end));
    until_admin_returns(operator, "/metrics", shows).await
}

fn leases(bed: &Bed) -> Api<Lease> {
    Api::namespaced(bed.client(), NAMESPACE)
}
