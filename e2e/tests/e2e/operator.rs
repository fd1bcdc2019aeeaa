//! The operator as a process: restarts, the Lease, the end. On the second control plane, where
//! cert-manager's own approver approves.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use signet_api::external::certificate_request::CertificateRequest;
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, Bed, TestNamespace, ready};
use signet_testbed::installation::{NAMESPACE, Operator};

mod burst;

/// So that another replica takes over soon after one is killed.
const SHORT_LEASE: [&str; 2] = ["--leader-election-lease-duration", "4s"];
const DEADLINE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Kill it at any instruction and start it again: nothing is lost, nothing is published twice.
pub(crate) async fn killed_in_the_middle_of_200_requests() -> Result<()> {
    const COUNT: usize = 200;
    let bed = Bed::own().await?;
    let operator = bed.start_operator(&SHORT_LEASE).await?;
    let test = TestNamespace::create(bed.bed(), "killed").await?;
    let issuer = test.root().await?;
    let in_the_middle = async || {
        burst::issued(&test, COUNT / 10).await?;
        operator.kill()?;
        let done = burst::count_issued(&test).await?;
        ensure!(done < COUNT, "it was too late to show anything");
        bed.start_operator(&SHORT_LEASE).await
    };
    let burst = burst::create(&test, &issuer, COUNT);
    let (burst, operator) = tokio::join!(burst, in_the_middle());
    burst?.all_issued_once(&test).await?;
    stop(operator?).await
}

pub(crate) async fn a_graceful_stop_finishes_what_is_in_flight() -> Result<()> {
    const COUNT: usize = 100;
    /// Long enough to tell a Lease that was given up from one that ran out.
    const LONG_LEASE: [&str; 2] = ["--leader-election-lease-duration", "40s"];
    let bed = Bed::own().await?;
    let operator = bed.start_operator(&LONG_LEASE).await?;
    let test = TestNamespace::create(bed.bed(), "stopped").await?;
    let issuer = test.root().await?;
    let in_the_middle = async || {
        burst::issued(&test, COUNT / 10).await?;
        stop(operator).await?;
        let done = burst::count_issued(&test).await?;
        ensure!(done < COUNT, "it was too late to show anything");
        let stopped = Instant::now();
        let operator = bed.start_operator(&LONG_LEASE).await?;
        leads(&operator, true).await?;
        ensure!(
            stopped.elapsed() < Duration::from_secs(20),
            "the Lease was given up"
        );
        Ok(operator)
    };
    let burst = burst::create(&test, &issuer, COUNT);
    let (burst, operator) = tokio::join!(burst, in_the_middle());
    burst?.all_issued_once(&test).await?;
    stop(operator?).await
}

pub(crate) async fn two_replicas_one_stands_by_and_takes_over() -> Result<()> {
    let bed = Bed::own().await?;
    let first = bed.start_operator(&SHORT_LEASE).await?;
    leads(&first, true).await?;
    let second = Operator::start_unready(&bed.operator_options(&SHORT_LEASE)).await?;
    is_ready(&second).await?;
    leads(&second, false).await?;
    let test = TestNamespace::create(bed.bed(), "replicas").await?;
    let issuer = test.root().await?;
    burst::create(&test, &issuer, 5)
        .await?
        .all_issued_once(&test)
        .await?;
    let text = second.get("/metrics").await?.1;
    ensure!(
        !text.contains("signet_requests_total{"),
        "the second did nothing: {text}"
    );

    first.kill()?;
    leads(&second, true).await?;
    burst::create(&test, &issuer, 5)
        .await?
        .all_issued_once(&test)
        .await?;
    stop(second).await
}

/// Whoever lost the Lease does nothing until it is free again.
pub(crate) async fn a_lost_lease_stops_the_work_until_it_is_free() -> Result<()> {
    let bed = Bed::own().await?;
    let operator = bed.start_operator(&SHORT_LEASE).await?;
    let test = TestNamespace::create(bed.bed(), "lease").await?;
    let issuer = test.root().await?;
    let leases: Api<Lease> = Api::namespaced(bed.client(), NAMESPACE);
    hold(&leases, "somebody-else", 3600).await?;
    leads(&operator, false).await?;

    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    let is_approved = |object: &CertificateRequest| {
        object
            .status
            .as_ref()
            .is_some_and(|status| status.is_true("Approved"))
    };
    test.wait_for_request(&request, "approved", is_approved)
        .await?;
    cert_manager_has_issued(&test).await?;
    ensure!(
        ready(&test.request(&request).await?).is_none(),
        "it works without the Lease"
    );
    ensure!(operator.get("/livez").await?.0 == 200, "and lives");

    // Held for a second more, and then free.
    hold(&leases, "somebody-else", 1).await?;
    leads(&operator, true).await?;
    test.issued(&request, &csr).await?;
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
    let deadline = Instant::now() + DEADLINE;
    loop {
        let (code, text) = operator.get("/readyz").await?;
        if code == 200 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{text}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Waits until the metrics say that an operator leads, or does not.
async fn leads(operator: &Operator, leads: bool) -> Result<()> {
    let line = format!("signet_leading {}", u8::from(leads));
    let deadline = Instant::now() + DEADLINE;
    loop {
        let (_, text) = operator.get("/metrics").await?;
        if text.lines().any(|told| told == line) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "no {line} in\n{text}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn stop(operator: Operator) -> Result<()> {
    let status = operator.stop().await?;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}
