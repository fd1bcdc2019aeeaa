//! CertificateRequests: which ones are worked on, when, and with how many writes.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use signet_api::IssuerKind::{self, ClusterIssuer, Issuer};
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, IssuerRef, TestNamespace, audit, ready, spec};

shared![
    a_namespaced_issuer_issues,
    a_cluster_issuer_issues,
    approved_before_the_issuer_exists,
    a_request_waits_for_a_cluster_issuer,
    a_request_waits_for_an_issuer_that_is_not_ready,
    an_issuer_that_was_deleted_and_came_back_issues_again,
    an_unapproved_request_is_not_touched,
    a_denied_request_gets_denied_and_a_failure_time,
    denied_wins_over_malformed,
    an_empty_group_is_not_ours,
    a_reference_without_a_kind_waits_for_the_issuer,
    one_status_write_per_certificate,
    a_final_refusal_is_written_once_with_an_event,
];

async fn a_namespaced_issuer_issues(test: &TestNamespace) -> Result<()> {
    issues(test, Issuer).await
}

async fn a_cluster_issuer_issues(test: &TestNamespace) -> Result<()> {
    issues(test, ClusterIssuer).await
}

async fn issues(test: &TestNamespace, kind: IssuerKind) -> Result<()> {
    let issuer = test
        .issuer(kind, "ca", spec::self_signed(&test.unique("ca")))
        .await?;
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.approve(&request).await?;
    let issued = test.issued(&request, &csr).await?;
    ensure!(
        issued.intermediates.is_empty(),
        "a root that issues directly has none between"
    );
    ensure!(
        issued.roots[0]
            .subject()
            .ends_with(&format!("{} generation 1", issuer.name)),
        "{:?}",
        issued.roots
    );
    let object = test.request(&request).await?;
    let ready = ready(&object).context("it is ready")?;
    ensure!(
        ready.message.as_deref() == Some("Certificate issued"),
        "{ready:?}"
    );
    Ok(())
}

async fn approved_before_the_issuer_exists(test: &TestNamespace) -> Result<()> {
    waits_for(test, Issuer).await
}

async fn a_request_waits_for_a_cluster_issuer(test: &TestNamespace) -> Result<()> {
    waits_for(test, ClusterIssuer).await
}

/// CM-5. Pending is written once, however long it lasts, and the certificate with one more write.
async fn waits_for(test: &TestNamespace, kind: IssuerKind) -> Result<()> {
    let issuer = test.issuer_ref(kind, "late");
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.approve(&request).await?;
    let status = test.pending(&request, "IssuerNotFound").await?;
    ensure!(status.failure_time.is_none(), "waiting is not a failure");
    test.issuer(kind, "late", spec::self_signed(&test.unique("late")))
        .await?;
    test.issued(&request, &csr).await?;
    // The issuer's own way to Ready may be seen on the way, and each reason is written once.
    let writes = audit::status_writes_from(test.bed(), test.name(), &request, 2).await?;
    ensure!((2..=3).contains(&writes), "{writes} status writes");
    Ok(())
}

/// Rule A2-19.
async fn a_request_waits_for_an_issuer_that_is_not_ready(test: &TestNamespace) -> Result<()> {
    let secret = test.unique("absent");
    let issuer = test
        .create_issuer(Issuer, "ca", spec::existing(&secret))
        .await?;
    let reported = test.wait_until_not_ready(&issuer, "KeyNotFound").await?;
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.approve(&request).await?;
    let status = test.pending(&request, "IssuerNotReady").await?;
    let message = status
        .condition("Ready")
        .and_then(|ready| ready.message.clone());
    let message = message.unwrap_or_default();
    ensure!(
        message.contains(&reported),
        "{message:?} repeats {reported:?}"
    );
    test.patch_issuer(
        &issuer,
        json!({ "certificate": { "existing": null, "selfSigned": {} } }),
    )
    .await?;
    test.issued(&request, &csr).await?;
    Ok(())
}

async fn an_issuer_that_was_deleted_and_came_back_issues_again(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let (before, after) = (
        Csr::for_dns("before.example")?,
        Csr::for_dns("after.example")?,
    );
    let first = test.issue(&Ask::new(&issuer, &before), &before).await?;
    test.delete_issuer(&issuer).await?;
    let request = test.ask(&Ask::new(&issuer, &after)).await?;
    test.approve(&request).await?;
    test.pending(&request, "IssuerNotFound").await?;
    test.root().await?;
    let second = test.issued(&request, &after).await?;
    ensure!(
        first.roots_pem == second.roots_pem,
        "the generation was there, so it is the same CA"
    );
    Ok(())
}

/// Rule CM-3.
async fn an_unapproved_request_is_not_touched(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    let waiting = test.ask(&Ask::new(&issuer, &csr)).await?;
    after_another(test, &issuer).await?;
    ensure!(
        test.request(&waiting).await?.status.is_none(),
        "it has a status"
    );
    test.approve(&waiting).await?;
    test.issued(&waiting, &csr).await?;
    Ok(())
}

/// Once a request that was made later has its certificate, an earlier one was seen too.
async fn after_another(test: &TestNamespace, issuer: &IssuerRef) -> Result<()> {
    let csr = Csr::for_dns("another.example")?;
    test.issue(&Ask::new(issuer, &csr), &csr).await?;
    Ok(())
}

/// Rule CM-3.
async fn a_denied_request_gets_denied_and_a_failure_time(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    is_denied(test, &Ask::new(&issuer, &csr)).await
}

/// Rule A1-4.
async fn denied_wins_over_malformed(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::of_new_key()?
        .dns("shop.example")?
        .extension(&[1, 2, 3], vec![5, 0])
        .build()?;
    is_denied(test, &Ask::new(&issuer, &csr)).await
}

async fn is_denied(test: &TestNamespace, ask: &Ask) -> Result<()> {
    let request = test.ask(ask).await?;
    test.deny(&request).await?;
    let processed = test.wait_for_request(&request, "processed", |object| ready(object).is_some());
    let object = processed.await?;
    let ready = ready(&object).context("it has a Ready condition")?;
    ensure!((ready.status.as_str(), ready.reason.as_deref()) == ("False", Some("Denied")));
    let status = object.status.clone().context("it has a status")?;
    ensure!(status.failure_time.is_some(), "CM-3: with a failureTime");
    ensure!(
        status.certificate.is_none(),
        "a denied request has no certificate"
    );
    ensure!(status.is_true("Denied"), "the approver's condition stands");
    Ok(())
}

/// Rule A1-1.
async fn an_empty_group_is_not_ours(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    let mut foreign = Vec::new();
    for reference in [
        json!({ "name": issuer.name }),
        json!({ "name": issuer.name, "kind": "Issuer" }),
        json!({ "name": issuer.name, "kind": "Issuer", "group": "cert-manager.io" }),
    ] {
        let request = test.ask(&Ask::of_reference(reference, &csr)).await?;
        test.approve(&request).await?;
        foreign.push(request);
    }
    after_another(test, &issuer).await?;
    for request in foreign {
        let writes = audit::status_writes(test.bed(), test.name(), &request)?;
        ensure!(writes == 0, "{:?}", test.request(&request).await?);
    }
    Ok(())
}

/// Rule CM-5.
/// The API server shows that such a reference is found by its group, and woken by its issuer.
async fn a_reference_without_a_kind_waits_for_the_issuer(test: &TestNamespace) -> Result<()> {
    let csr = Csr::for_dns("shop.example")?;
    let reference = json!({ "name": "root", "group": "signet.dev" });
    let request = test.ask(&Ask::of_reference(reference, &csr)).await?;
    test.approve(&request).await?;
    test.pending(&request, "IssuerNotFound").await?;
    test.root().await?;
    test.issued(&request, &csr).await?;
    Ok(())
}

async fn one_status_write_per_certificate(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csrs = (0..10).map(|number| Csr::for_dns(&format!("{number}.example")));
    let csrs = csrs.collect::<Result<Vec<_>>>()?;
    let issued = csrs.iter().map(async |csr| {
        let request = test.ask(&Ask::new(&issuer, csr)).await?;
        test.approve(&request).await?;
        test.issued(&request, csr).await?;
        anyhow::Ok(request)
    });
    for request in futures::future::try_join_all(issued).await? {
        let writes = audit::status_writes_from(test.bed(), test.name(), &request, 1).await?;
        ensure!(writes == 1, "{request}: {writes} status writes");
        let events = test.bed().events(&test.request(&request).await?).await?;
        let ours = events
            .iter()
            .filter(|event| event.reporting_component.as_deref() == Some(OURS));
        ensure!(ours.count() == 0, "none on the hot path: {events:?}");
    }
    Ok(())
}

/// The name under which the operator reports events.
const OURS: &str = "signet.dev/signet";

/// Rule A2-11.
async fn a_final_refusal_is_written_once_with_an_event(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr).ca()).await?;
    test.approve(&request).await?;
    let message = test.failed(&request, "CaNotAllowed").await?;
    after_another(test, &issuer).await?;
    let writes = audit::status_writes_from(test.bed(), test.name(), &request, 1).await?;
    ensure!(writes == 1, "{writes} status writes");
    let object = test.request(&request).await?;
    let event = test.bed().wait_for_event(&object, "CaNotAllowed").await?;
    ensure!(event.type_.as_deref() == Some("Warning"), "{event:?}");
    ensure!(
        event
            .message
            .as_deref()
            .is_some_and(|note| note.contains(&message)),
        "{event:?}"
    );
    Ok(())
}
