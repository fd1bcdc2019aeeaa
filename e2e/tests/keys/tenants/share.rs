//! One namespace does not use up the key of a ClusterIssuer.

use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;
use serde_json::json;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, Burst, IssuerRef, TestNamespace, spec};

shared![a_namespace_is_held_to_its_share_of_a_key_and_delays_no_other];

const RATE: u32 = 2;
const COUNT: u32 = 30;

/// The key itself has no limit, so only the namespace's own explains how long its requests take.
async fn a_namespace_is_held_to_its_share_of_a_key_and_delays_no_other(
    test: &TestNamespace,
) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("limited"));
    let share = json!({ "signaturesPerSecond": RATE, "burst": RATE });
    spec["keyLimits"] = json!({ "perNamespace": share });
    let issuer = test.issuer(ClusterIssuer, "limited", spec).await?;
    let many = TestNamespace::create(test.bed(), "many").await?;
    let mut burst = Burst::new(&many, &issuer);
    burst.ask(COUNT.try_into()?).await?;

    let one = TestNamespace::create(test.bed(), "one").await?;
    let single = Csr::for_dns("one.example")?;
    let request = one.ask(&Ask::new(&issuer, &single)).await?;
    one.issued(&request, &single).await?;
    let issued = burst.watched().count_issued();
    ensure!(issued < COUNT.try_into()?, "the burst was over before");

    burst.all_issued().await?;
    let least = SignedDuration::from_secs(((COUNT - RATE) / RATE).into());
    let took = burst.watched().took()?;
    // Both ends are given in whole seconds.
    ensure!(
        took + SignedDuration::from_secs(1) > least,
        "{COUNT} were issued in {took:#}, and not in {least:#}"
    );
    burst.check(&["Issued"]).await?;

    let (used, other) = (signatures(&many, &issuer), signatures(&one, &issuer));
    let (used, other) = (used.await?, other.await?);
    ensure!(used >= f64::from(COUNT), "{used} signatures are counted");
    // A write that the API server did not accept is signed for again.
    let few = 1.0..f64::from(COUNT);
    ensure!(few.contains(&other), "{other} signatures are counted");
    Ok(())
}

/// How many signatures of a ClusterIssuer's key the metrics have for a namespace.
async fn signatures(of: &TestNamespace, issuer: &IssuerRef) -> Result<f64> {
    let operator = of.bed().operator().context("the shared operator runs")?;
    let series = format!(
        r#"signet_key_signatures_total{{issuer_kind="ClusterIssuer",issuer_namespace="",issuer="{}",namespace="{}"}}"#,
        issuer.name,
        of.name()
    );
    let found = operator.metric(&series).await?;
    found.with_context(|| format!("there is no {series}"))
}
