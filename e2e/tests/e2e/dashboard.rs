//! The dashboard of the chart: each of its queries has a result over the metrics of a real run, by
//! Prometheus' own engine.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::csr::Csr;
use signet_e2e::runtime::blocking;
use signet_e2e::{Ask, TestNamespace, spec, until_admin_returns};
use signet_testbed::controlplane::Toolchain;

shared![every_query_has_a_result];

const DASHBOARD: &str = include_str!("../../../charts/signet/files/dashboard.json");
/// What a user has selected, and how Grafana replaces its own variable.
const VARIABLES: [(&str, &str); 4] = [
    ("$kind", ".*"),
    ("$issuer_namespace", ".*"),
    ("$issuer", ".*"),
    ("$__rate_interval", "5m"),
];
/// With it, a query whose metric does not exist would have a result, too.
const FALLBACK: &str = " or vector(0)";

async fn every_query_has_a_result(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    test.refused(&Ask::new(&issuer, &csr).ca(), "CaNotAllowed")
        .await?;
    let missing = test
        .create_issuer(Issuer, "missing", spec::existing("missing"))
        .await?;
    test.wait_until_not_ready(&missing, "KeyNotFound").await?;
    // A person has to sign its CSR.
    let manual = json!({
        "key": { "software": { "secretName": test.unique("manual") } },
        "certificate": { "manual": {
            "configMapName": test.unique("chain"), "subject": "CN=Example Issuing CA",
        } },
    });
    test.create_issuer(ClusterIssuer, "manual", manual).await?;
    // The chart grants no write access to Secrets.
    let mut unpublished = spec::self_signed(&test.unique("unpublished"));
    unpublished["bundle"] = json!({ "kind": "Secret" });
    test.issuer(ClusterIssuer, "unpublished", unpublished)
        .await?;

    let unpublished = format!("issuer=\"{}\"}} 0", test.unique("unpublished"));
    let manual = format!("issuer=\"{}\"}} ", test.unique("manual"));
    let has = |text: &str, metric: &str, rest: &str| {
        let mut lines = text.lines();
        lines.any(|line| line.starts_with(metric) && line.contains(rest))
    };
    let operator = test.bed().operator().context("the shared operator runs")?;
    until_admin_returns(operator, "/metrics", |(_, text)| {
        has(text, "signet_bundle_published{", &unpublished)
            && has(text, "signet_issuer_person_required_seconds{", &manual)
            && has(text, "signet_key_errors_total{", "KeyNotFound")
    })
    .await?;
    let (_, before) = operator.get("/metrics").await?;
    test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    until_admin_returns(operator, "/metrics", |(_, text)| {
        issued(text) > issued(&before)
    })
    .await?;
    let (_, after) = operator.get("/metrics").await?;
    blocking(move || evaluate(&before, &after)).await
}

/// How many certificates were measured.
fn issued(scrape: &str) -> f64 {
    let name = "signet_approved_to_ready_seconds_count ";
    let values = scrape.lines().filter_map(|line| line.strip_prefix(name));
    values.filter_map(|value| value.parse::<f64>().ok()).sum()
}

fn evaluate(before: &str, after: &str) -> Result<()> {
    let promtool = Toolchain::new()?.promtool()?;
    let series = series(before, after)?;
    let folder = tempfile::tempdir()?;
    let dashboard: Value = serde_json::from_str(DASHBOARD)?;
    let panels = dashboard["panels"].as_array().context("it has panels")?;
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let mut count = 0;
    for target in targets.flatten() {
        let query = target["expr"].as_str().context("a target is a query")?;
        let mut query = query.replace(FALLBACK, "");
        for (name, value) in VARIABLES {
            query = query.replace(name, value);
        }
        ensure!(!query.contains('$'), "an unknown variable: {query}");
        has_result(&promtool, folder.path(), &series, &query)?;
        count += 1;
    }
    ensure!(count > 20, "{count} queries");
    // A control: what is not there has none.
    let absent = "sum(signet_absent)";
    ensure!(has_result(&promtool, folder.path(), &series, absent).is_err());
    Ok(())
}

/// Each series with its value in two scrapes, a minute apart, as promtool's tests have them.
fn series(before: &str, after: &str) -> Result<Vec<Value>> {
    let samples = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').context("a sample has a value")?;
            // Without an exponent, which the notation of promtool does not have.
            Ok((name.to_owned(), value.parse::<f64>()?.to_string()))
        });
        samples.collect::<Result<std::collections::BTreeMap<_, _>>>()
    };
    let (before, after) = (samples(before)?, samples(after)?);
    let series = after.iter().map(|(name, value)| {
        let first = before.get(name).map_or("_", String::as_str);
        json!({ "series": name, "values": format!("{first} {value}") })
    });
    Ok(series.collect())
}

/// A test that expects no result fails if there is one, and shows it.
fn has_result(promtool: &Path, folder: &Path, series: &[Value], query: &str) -> Result<()> {
    let test = json!({ "evaluation_interval": "1m", "tests": [{
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [{ "expr": query, "eval_time": "1m", "exp_samples": [] }],
    }]});
    let file = folder.join("test.yaml");
    fs::write(&file, test.to_string())?;
    let output = Command::new(promtool)
        .args(["test", "rules"])
        .arg(&file)
        .output()?;
    let text = String::from_utf8([output.stdout, output.stderr].concat())?;
    let result = text.split_once("got:").map(|(_, result)| result.trim());
    match result {
        Some(result) if !output.status.success() && !result.contains("NaN") => Ok(()),
        _ => bail!("{query} has no result: {text}"),
    }
}
