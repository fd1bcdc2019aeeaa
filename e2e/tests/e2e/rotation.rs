//! Every link of a chain is replaced with overlap, by spec and by command.

use anyhow::{Context, Result, ensure};
use kube::api::ListParams;
use serde_json::{Value, json};
use signet_api::IssuerKind::Issuer;
use signet_api::{CAGeneration, GenerationRole, GenerationState, IssuerStatus};
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, CertManagerCa, IssuerRef, TestNamespace, spec};
use signet_testbed::wait::{Observation, until};

shared![
    a_self_signed_root_is_renewed_and_the_old_one_leaves,
    a_generation_that_has_ended_is_deleted,
    another_key_signs_after_its_root_was_published,
    a_chain_under_another_root_is_published_before_it_signs,
    a_revoked_key_stops_signing_and_its_successor_does_not_wait,
    a_rollback_signs_with_the_earlier_certificate,
    a_suspended_issuer_lets_requests_wait,
    a_requests_ca_begins_with_its_own_root,
];

fn signs(status: &IssuerStatus, generation: u32) -> bool {
    status.ca.first().is_some_and(|ca| {
        let is_current = ca.role == Some(GenerationRole::Current);
        is_current && ca.generation == generation && ca.state == GenerationState::Active
    })
}

fn roots(status: &IssuerStatus) -> usize {
    let bundle = status.bundle.as_deref().unwrap_or_default();
    bundle.matches("BEGIN CERTIFICATE").count()
}

async fn issues(test: &TestNamespace, issuer: &IssuerRef) -> Result<signet_e2e::Issued> {
    let csr = Csr::for_dns("shop.example")?;
    test.issue(&Ask::new(issuer, &csr), &csr).await
}

fn key(secret: &str) -> Value {
    json!({ "software": { "secretName": secret } })
}

async fn a_self_signed_root_is_renewed_and_the_old_one_leaves(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("root"));
    spec["certificate"]["selfSigned"]["duration"] = json!("40s");
    let issuer = test.issuer(Issuer, "root", spec).await?;
    let status = test
        .wait_for_status(&issuer, "renewed", |status| signs(status, 2))
        .await?;
    ensure!(roots(&status) == 2, "both are trusted: {status:?}");
    ensure!(
        status.ca[0].subject == status.ca[1].subject,
        "{:?}",
        status.ca
    );
    ensure!(
        status.ca[0].key_fingerprint == status.ca[1].key_fingerprint,
        "{:?}",
        status.ca
    );
    let first = status.ca[1].fingerprint.clone();
    let has_left = |status: &IssuerStatus| {
        let mut ca = status.ca.iter();
        let first = ca.find(|ca| ca.fingerprint == first);
        first.is_none_or(|first| first.state == GenerationState::Expired)
    };
    test.wait_for_status(&issuer, "the first root has left", has_left)
        .await?;
    Ok(())
}

async fn a_generation_that_has_ended_is_deleted(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("root"));
    spec["certificate"]["selfSigned"]["duration"] = json!("20s");
    spec["rotation"] = json!({ "revisionHistoryLimit": 0 });
    let issuer = test.issuer(Issuer, "root", spec).await?;
    let generations = test.api::<CAGeneration>();
    let observe = async || {
        let found = generations.list(&ListParams::default()).await?.items;
        let numbers: Vec<_> = found.iter().map(|one| one.spec.generation).collect();
        let is_deleted = numbers.iter().all(|&number| number > 1) && !numbers.is_empty();
        Ok(Observation::reached_if(is_deleted, format!("{numbers:?}")))
    };
    until(
        format!("{} without its first generation", issuer.name),
        observe,
    )
    .await
}

async fn another_key_signs_after_its_root_was_published(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let before = issues(test, &issuer).await?;
    let change = json!({
        "key": key(&test.unique("other")), "rotation": { "activationDelay": "10s" },
    });
    test.patch_issuer(&issuer, change).await?;
    let published = |status: &IssuerStatus| signs(status, 1) && roots(status) == 2;
    test.wait_for_status(&issuer, "published", published)
        .await?;
    // Consumers of a certificate of now have both roots, its own first.
    let between = issues(test, &issuer).await?;
    ensure!(between.roots.len() == 2, "{:?}", between.roots);
    ensure!(
        between.issuer()?.der() == before.issuer()?.der(),
        "the first one signs"
    );
    test.wait_for_status(&issuer, "activated", |status| signs(status, 2))
        .await?;
    let after = issues(test, &issuer).await?;
    ensure!(
        after.roots.len() == 2,
        "the old root stays: {:?}",
        after.roots
    );
    ensure!(after.issuer()?.public_key() != before.issuer()?.public_key());
    Ok(())
}

async fn a_chain_under_another_root_is_published_before_it_signs(
    test: &TestNamespace,
) -> Result<()> {
    test.self_signed_issuer(test.name(), "self-signed").await?;
    for name in ["first", "second"] {
        test.cert_manager_ca(CertManagerCa {
            namespace: test.name(),
            name,
            key: ("ECDSA", 256),
            issuer: "self-signed",
        })
        .await?;
    }
    let issuer = test.issuer(Issuer, "ca", spec::existing("first")).await?;
    let change = json!({ "key": key("second"), "rotation": { "activation": "Manual" } });
    test.patch_issuer(&issuer, change).await?;
    let published = |status: &IssuerStatus| signs(status, 1) && roots(status) == 2;
    let status = test
        .wait_for_status(&issuer, "published", published)
        .await?;
    let next = status
        .ca
        .iter()
        .find(|ca| ca.role == Some(GenerationRole::Next));
    let next = next.and_then(|next| next.fingerprint.clone());
    let next = next.context("the next one has a certificate")?;
    test.patch_issuer(&issuer, json!({ "rotation": { "activate": next } }))
        .await?;
    test.wait_for_status(&issuer, "activated", |status| signs(status, 2))
        .await?;
    let issued = issues(test, &issuer).await?;
    ensure!(
        issued.issuer()?.subject() == "CN=second",
        "{}",
        issued.issuer()?.subject()
    );
    ensure!(
        issued.roots[0].subject() == "CN=second",
        "{:?}",
        issued.roots
    );
    Ok(())
}

async fn a_revoked_key_stops_signing_and_its_successor_does_not_wait(
    test: &TestNamespace,
) -> Result<()> {
    let issuer = test.root().await?;
    issues(test, &issuer).await?;
    let status = test.wait_until_ready(&issuer).await?;
    let revoked = status.ca[0].key_fingerprint.clone();
    test.patch_issuer(&issuer, json!({ "rotation": { "revoked": [revoked] } }))
        .await?;
    test.wait_until_not_ready(&issuer, "KeyRevoked").await?;
    let other = key(&test.unique("other"));
    test.patch_issuer(&issuer, json!({ "key": other })).await?;
    let successor = |status: &IssuerStatus| signs(status, 2) && roots(status) == 1;
    test.wait_for_status(&issuer, "its successor", successor)
        .await?;
    issues(test, &issuer).await?;
    let taken_out = json!({ "rotation": { "revoked": null } });
    let refused = test.patch_issuer(&issuer, taken_out).await.err();
    let refused = refused.context("an entry cannot be removed")?.to_string();
    ensure!(refused.contains("cannot be removed"), "{refused}");
    Ok(())
}

async fn a_rollback_signs_with_the_earlier_certificate(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let before = issues(test, &issuer).await?;
    let status = test.wait_until_ready(&issuer).await?;
    let first = status.ca[0].fingerprint.clone();
    let change = json!({
        "key": key(&test.unique("other")), "rotation": { "activationDelay": "1s" },
    });
    test.patch_issuer(&issuer, change).await?;
    test.wait_for_status(&issuer, "activated", |status| signs(status, 2))
        .await?;
    test.patch_issuer(&issuer, json!({ "rotation": { "rollbackTo": first } }))
        .await?;
    test.wait_for_status(&issuer, "rolled back", |status| signs(status, 3))
        .await?;
    let after = issues(test, &issuer).await?;
    ensure!(
        after.issuer()?.der() == before.issuer()?.der(),
        "the first one signs again"
    );
    ensure!(after.roots.len() == 2, "{:?}", after.roots);
    Ok(())
}

async fn a_suspended_issuer_lets_requests_wait(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    test.patch_issuer(&issuer, json!({ "suspend": true }))
        .await?;
    let message = test.wait_until_not_ready(&issuer, "Suspended").await?;
    ensure!(message.contains("remove spec.suspend"), "{message}");
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.approve(&request).await?;
    test.patch_issuer(&issuer, json!({ "suspend": false }))
        .await?;
    test.issued(&request, &csr).await?;
    let generations = test
        .api::<CAGeneration>()
        .list(&ListParams::default())
        .await?;
    ensure!(generations.items.len() == 1, "{generations:?}");
    Ok(())
}

/// cert-manager's CA issuer reads only the first block of `ca.crt`.
async fn a_requests_ca_begins_with_its_own_root(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let change = json!({
        "key": key(&test.unique("other")), "rotation": { "activationDelay": "5s" },
    });
    test.patch_issuer(&issuer, change).await?;
    for generation in [1, 2] {
        let phase = |status: &IssuerStatus| signs(status, generation) && roots(status) == 2;
        test.wait_for_status(&issuer, "both roots", phase).await?;
        let issued = issues(test, &issuer).await?;
        let first = issued.roots.first().context("it has a root")?;
        ensure!(
            first.der() == issued.issuer()?.der(),
            "{generation}: {:?}",
            issued.roots
        );
    }
    Ok(())
}
