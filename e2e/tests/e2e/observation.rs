//! What the operator shows of itself, and what it must not show.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_api::external::certificate_request::CertificateRequest;
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::{Ask, TestNamespace, spec, until_admin_returns};
use signet_testbed::wait::{Observation, until};

shared![
    the_probes_respond,
    metrics_report_issuers_and_requests,
    metrics_name_no_issuer_that_does_not_exist,
    metrics_forget_an_issuer_that_is_gone,
    the_log_has_requester_and_outcome,
    no_private_key_is_shown_anywhere,
    a_namespace_that_is_being_deleted_is_logged_in_one_line,
];

async fn get(test: &TestNamespace, path: &str) -> Result<(u16, String)> {
    test.bed()
        .operator()
        .context("the shared operator runs")?
        .get(path)
        .await
}

async fn the_probes_respond(test: &TestNamespace) -> Result<()> {
    for path in ["/livez", "/readyz"] {
        ensure!(get(test, path).await? == (200, "ok\n".to_owned()), "{path}");
    }
    for path in ["/", "/debug/pprof", "/metrics/"] {
        ensure!(get(test, path).await?.0 == 404, "{path}");
    }
    Ok(())
}

async fn metrics_report_issuers_and_requests(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    test.refused(&Ask::new(&issuer, &csr).ca(), "CaNotAllowed")
        .await?;
    let of = format!(
        r#"issuer_kind="Issuer",issuer_namespace="{}",issuer="root""#,
        test.name()
    );
    let end = issued.roots[0].not_after().as_second();
    for line in [
        format!(
            "signet_requests_total{{api=\"CertificateRequest\",{of},outcome=\"issued\",\
             reason=\"Issued\"}} 1"
        ),
        format!(
            "signet_requests_total{{api=\"CertificateRequest\",{of},outcome=\"denied\",\
             reason=\"CaNotAllowed\"}} 1"
        ),
        format!("signet_issuer_ready{{{of}}} 1"),
        format!("signet_ca_expiry_timestamp_seconds{{{of}}} {end}"),
        format!("signet_ca_generation_expiry_timestamp_seconds{{{of},generation=\"1\"}} {end}"),
        format!("signet_ca_generation_state{{{of},generation=\"1\",state=\"Active\"}} 1"),
        "signet_leading 1".to_owned(),
    ] {
        scraped(test, |text| text.lines().any(|it| it == line))
            .await
            .with_context(|| line.clone())?;
    }
    for name in [
        "signet_approved_to_ready_seconds_count ",
        "signet_signing_seconds_count{backend=\"software\"} ",
        "signet_uptime_seconds ",
        "signet_reconciles_in_flight ",
        r#"signet_requests_waiting{reason="Queued"} "#,
        "signet_write_conflicts_total ",
    ] {
        scraped(test, |text| text.lines().any(|it| it.starts_with(name)))
            .await
            .with_context(|| name.to_owned())?;
    }
    let (code, text) = get(test, "/metrics").await?;
    ensure!(
        code == 200 && text.ends_with("# EOF\n"),
        "OpenMetrics: {text}"
    );
    Ok(())
}

/// Waits for the metrics: what was done is counted a moment after it can be seen.
async fn scraped(test: &TestNamespace, holds: impl Fn(&str) -> bool) -> Result<()> {
    let operator = test.bed().operator().context("the shared operator runs")?;
    until_admin_returns(operator, "/metrics", |(_, text)| holds(text)).await
}

/// The API server creates no event there, and its refusal is not news a second time.
async fn a_namespace_that_is_being_deleted_is_logged_in_one_line(
    test: &TestNamespace,
) -> Result<()> {
    let issuer = test
        .issuer(ClusterIssuer, "ca", spec::self_signed(&test.unique("ca")))
        .await?;
    let going = TestNamespace::create(test.bed(), "going").await?;
    let csr = Csr::for_dns("shop.example")?;
    // Their finalizers keep them until the test is over.
    let hold = json!(["e2e.signet.dev/hold"]);
    let ask = Ask::new(&issuer, &csr).ca().metadata("finalizers", hold);
    let requests = [going.ask(&ask).await?, going.ask(&ask).await?];
    let namespaces: Api<Namespace> = Api::all(test.bed().client());
    namespaces
        .delete(going.name(), &DeleteParams::background())
        .await?;
    for request in &requests {
        going.approve(request).await?;
        going.failed(request, "CaNotAllowed").await?;
    }
    let about = |line: &str| line.contains(going.name());
    let deleted = |line: &str| about(line) && line.contains("is being deleted");
    test.bed()
        .wait_for_log("the namespace that is being deleted", deleted)
        .await?;
    for request in &requests {
        let finalizers = Patch::Merge(json!({ "metadata": { "finalizers": [] } }));
        going
            .api::<CertificateRequest>()
            .patch(request, &PatchParams::default(), &finalizers)
            .await?;
    }
    // By then the second event has been tried too.
    let after = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.approve(&after).await?;
    test.issued(&after, &csr).await?;
    let log = std::fs::read_to_string(test.bed().operator_log())?;
    let lines: Vec<_> = log.lines().filter(|line| deleted(line)).collect();
    ensure!(lines.len() == 1, "{lines:?}");
    let dumps = log.lines().filter(|line| line.contains("Status {"));
    ensure!(dumps.count() == 0, "a Status is dumped");
    Ok(())
}

/// A name that any user may write must not become a label.
async fn metrics_name_no_issuer_that_does_not_exist(test: &TestNamespace) -> Result<()> {
    const SERIES: &str = r#"signet_requests_total{api="CertificateRequest",issuer_kind="",issuer_namespace="",issuer="",outcome="waiting",reason="IssuerNotFound"}"#;
    let operator = test.bed().operator().context("the shared operator runs")?;
    let before = operator.metric(SERIES).await?.unwrap_or_default();
    let made_up = test.unique("made-up");
    let csr = Csr::for_dns("shop.example")?;
    let reference = json!({ "group": "signet.dev", "kind": "Issuer", "name": made_up });
    let request = test.ask(&Ask::of_reference(reference, &csr)).await?;
    test.approve(&request).await?;
    test.pending(&request, "IssuerNotFound").await?;
    let counted = async || {
        let count = operator.metric(SERIES).await?.unwrap_or_default();
        Ok(Observation::reached_if(count > before, count))
    };
    until(format!("{SERIES} above {before}"), counted).await?;
    let (_, text) = get(test, "/metrics").await?;
    ensure!(!text.contains(&made_up), "{text}");
    Ok(())
}

/// Namespaces come and go, and series of those that went would pile up.
async fn metrics_forget_an_issuer_that_is_gone(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    let of = format!("issuer_namespace=\"{}\"", test.name());
    scraped(test, |text| text.contains(&of)).await?;
    test.delete_issuer(&issuer).await?;
    scraped(test, |text| !text.contains(&of)).await
}

async fn the_log_has_requester_and_outcome(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.approve(&request).await?;
    test.issued(&request, &csr).await?;
    let is_it = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        line["namespace"] == test.name()
            && line["name"] == request.as_str()
            && line["outcome"] == "issued"
            && line["requester"]
                == format!("system:serviceaccount:{}:requester", test.name()).as_str()
    };
    test.bed()
        .wait_for_log("the requester and the outcome", is_it)
        .await
}

async fn no_private_key_is_shown_anywhere(test: &TestNamespace) -> Result<()> {
    let mut keys = Vec::new();
    for key in [KeyKind::P256, KeyKind::Ed25519, KeyKind::Rsa2048] {
        let name = key.api_name().to_lowercase();
        let mut spec = spec::self_signed(&test.unique(&name));
        spec["key"]["software"]["keyType"] = json!(key.api_name());
        let issuer = test.issuer(Issuer, &name, spec).await?;
        let csr = Csr::for_dns("shop.example")?;
        test.issue(&Ask::new(&issuer, &csr), &csr).await?;
        let data = test
            .secret(&test.unique(&name))
            .await?
            .data
            .unwrap_or_default();
        keys.push(String::from_utf8(data["tls.key"].0.clone())?);
    }
    // One that cannot be read is the one whose content an error might repeat.
    let broken = keys[0].replace("BEGIN", "BEGUN");
    let name = test.unique("broken");
    test.create_object(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name },
        "stringData": { "tls.key": broken },
    }))
    .await?;
    let issuer = test
        .create_issuer(Issuer, "broken", spec::existing(&name))
        .await?;
    test.wait_until_not_ready(&issuer, "KeyUnusable").await?;

    let kinds = "siss,cagen,certificaterequests,events";
    let objects = test
        .bed()
        .kubectl(&["get", kinds, "-n", test.name(), "-o", "yaml"])
        .await?;
    let log = std::fs::read_to_string(test.bed().operator_log())?;
    let metrics = get(test, "/metrics").await?.1;
    for shown in [objects, log, metrics] {
        ensure!(!shown.contains("PRIVATE KEY"), "there is a private key");
        for line in keys.iter().flat_map(|key| key.lines()) {
            let is_secret = line.len() > 20 && !line.starts_with("-----");
            ensure!(
                !is_secret || !shown.contains(line),
                "there is a line of a private key"
            );
        }
    }
    Ok(())
}
