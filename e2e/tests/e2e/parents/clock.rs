//! A CA certificate of a minute or two is renewed by its parent when it is due.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_api::{CaSummary, GenerationRole, GenerationState, IssuerStatus};
use signet_e2e::csr::Csr;
use signet_e2e::parents::ACCOUNT;
use signet_e2e::{Ask, Issued, IssuerRef, TestNamespace, spec};

use super::{below, cert_manager};

shared![
    a_ca_issuer_renews_a_ca_when_it_is_due,
    an_issuer_of_signet_renews_a_ca_when_it_is_due,
];

/// It is due after 15 seconds.
fn short(secret: &str, mut parent: Value) -> Value {
    parent["duration"] = json!("2m");
    let mut spec = below(secret, &parent);
    spec["certificate"]["renewBefore"] = json!("105s");
    spec["profile"] = json!({ "minDuration": "1s", "maxDuration": "1m" });
    spec
}

async fn a_ca_issuer_renews_a_ca_when_it_is_due(test: &TestNamespace) -> Result<()> {
    cert_manager::ca_issuer(test, test.name(), "corp-root").await?;
    test.ca_requester().await?;
    let parent = json!({ "name": "corp-root", "serviceAccountRef": { "name": ACCOUNT } });
    let issuer = test
        .create_issuer(Issuer, "shop", short("shop-ca", parent))
        .await?;
    is_renewed_when_it_is_due(test, &issuer).await
}

async fn an_issuer_of_signet_renews_a_ca_when_it_is_due(test: &TestNamespace) -> Result<()> {
    let root = spec::with_ca_profile(&test.unique("root"), 0);
    let root = test.issuer(ClusterIssuer, "root", root).await?;
    let spec = short(&test.unique("corp-ca"), root.reference());
    let issuer = test.create_issuer(ClusterIssuer, "corp", spec).await?;
    is_renewed_when_it_is_due(test, &issuer).await
}

/// Nothing in the spec changes meanwhile.
async fn is_renewed_when_it_is_due(test: &TestNamespace, issuer: &IssuerRef) -> Result<()> {
    test.approve_parent(issuer, 1).await?;
    let first = current(&test.wait_until_ready(issuer).await?)?;
    ensure!(first.generation == 1, "{first:?}");
    let before = issue(test, issuer).await?;
    let request = test.parent_request(issuer, (2, 1), None).await?;
    // The parent has not signed yet, and the first certificate signs.
    let waiting = test
        .wait_for_status(issuer, "with a second generation", |status| {
            status.ca.iter().any(|ca| ca.generation == 2)
        })
        .await?;
    let states: Vec<_> = waiting
        .ca
        .iter()
        .map(|ca| (ca.generation, ca.state))
        .collect();
    let expected = [
        (1, GenerationState::Active),
        (2, GenerationState::Requested),
    ];
    ensure!(states == expected, "{states:?}");
    let between = issue(test, issuer).await?;
    ensure!(between.issuer()?.der() == before.issuer()?.der());
    let asked = request.metadata.creation_timestamp.context("a time")?.0;
    let due = before.issuer()?.not_after() - std::time::Duration::from_secs(105);
    ensure!(asked >= due, "it is asked for at {asked} and due at {due}");

    test.approve_parent(issuer, 2).await?;
    let renewed = test
        .wait_for_status(issuer, "renewed", |status| {
            current(status).is_ok_and(|ca| ca.generation == 2)
        })
        .await?;
    let second = current(&renewed)?;
    ensure!(
        first.key_fingerprint == second.key_fingerprint,
        "{second:?}"
    );
    ensure!(first.subject == second.subject, "{second:?}");
    ensure!(first.not_after < second.not_after, "{second:?}");
    let after = issue(test, issuer).await?;
    ensure!(after.issuer()?.public_key() == before.issuer()?.public_key());
    ensure!(after.issuer()?.not_after() > before.issuer()?.not_after());
    ensure!(after.roots_pem == before.roots_pem, "the root stays");
    Ok(())
}

fn current(status: &IssuerStatus) -> Result<CaSummary> {
    let mut all = status.ca.iter();
    let current = all.find(|ca| ca.role == Some(GenerationRole::Current));
    current.cloned().context("one of them signs")
}

async fn issue(test: &TestNamespace, issuer: &IssuerRef) -> Result<Issued> {
    let csr = Csr::for_dns("shop.example")?;
    test.issue(&Ask::new(issuer, &csr), &csr).await
}
