//! A root at the top of three issuers is replaced, with overlap at every level.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_api::{GenerationRole, IssuerStatus};
use signet_e2e::csr::Csr;
use signet_e2e::parents::ACCOUNT;
use signet_e2e::{Ask, Issued, IssuerRef, OwnBed, TestNamespace, spec, stop};
use signet_testbed::installation::Operator;

use super::below;

shared![another_root_at_the_top_reaches_every_level_before_it_signs];

/// Each below the one before.
struct Levels {
    top: IssuerRef,
    middle: IssuerRef,
    bottom: IssuerRef,
}

impl Levels {
    async fn new(test: &TestNamespace) -> Result<Self> {
        let mut root = spec::with_ca_profile(&test.unique("top"), 1);
        // Long enough to see that the bundles come first.
        root["rotation"] = json!({ "activationDelay": "15s" });
        let top = test.issuer(ClusterIssuer, "top", root).await?;
        let mut middle = below(&test.unique("middle"), &top.reference());
        middle["certificate"]["issuerRef"]["duration"] = json!("8000h");
        middle["profile"] = json!({ "ca": { "pathLength": 0 } });
        middle["rotation"] = json!({ "activationDelay": "1s" });
        let middle = test.create_issuer(ClusterIssuer, "middle", middle).await?;
        test.approve_parent(&middle, 1).await?;
        test.wait_until_ready(&middle).await?;
        test.ca_requester().await?;
        let mut parent = middle.reference();
        parent["serviceAccountRef"] = json!({ "name": ACCOUNT });
        let mut lowest = below("bottom", &parent);
        lowest["rotation"] = json!({ "activationDelay": "1s" });
        let bottom = test.create_issuer(Issuer, "bottom", lowest).await?;
        test.approve_parent(&bottom, 1).await?;
        test.wait_until_ready(&bottom).await?;
        Ok(Self {
            top,
            middle,
            bottom,
        })
    }
}

/// Whether the bundle has this root and another one.
fn has_both(status: &IssuerStatus, root: &str) -> bool {
    let bundle = status.bundle.as_deref().unwrap_or_default();
    bundle.matches("BEGIN CERTIFICATE").count() == 2 && bundle.contains(root)
}

/// Whether this generation signs.
fn signs(status: &IssuerStatus, generation: u32) -> bool {
    let mut listed = status.ca.iter();
    let current = listed.find(|ca| ca.role == Some(GenerationRole::Current));
    current.is_some_and(|ca| ca.generation == generation)
}

/// Issues at the bottom. OpenSSL, Go, rustls-webpki and others verify it.
async fn issue(test: &TestNamespace, bottom: &IssuerRef) -> Result<Issued> {
    let csr = Csr::for_dns("shop.example")?;
    test.issue(&Ask::new(bottom, &csr), &csr).await
}

/// The root above a certificate, in DER.
fn anchor(issued: &Issued) -> Result<Vec<u8>> {
    let path = issued.path()?;
    let root = path.last().context("it has a root")?;
    Ok(root.der().to_vec())
}

/// Whether a peer that has the bundle of one certificate trusts the other.
fn trusts(peer: &Issued, other: &Issued) -> Result<bool> {
    let root = anchor(other)?;
    Ok(peer.roots.iter().any(|one| one.der() == root))
}

/// The CA certificate of an issuer is renewed by its parent, which signs under another root now.
async fn renew(test: &TestNamespace, issuer: &IssuerRef) -> Result<()> {
    let change = json!({ "rotation": { "requestID": "another-root" } });
    test.patch_issuer(issuer, change).await?;
    test.approve_parent(issuer, 2).await?;
    test.wait_for_status(issuer, "renewed", |status| signs(status, 2))
        .await?;
    Ok(())
}

async fn another_root_at_the_top_reaches_every_level_before_it_signs(
    test: &TestNamespace,
) -> Result<()> {
    let levels = Levels::new(test).await?;
    let (top, middle, bottom) = (&levels.top, &levels.middle, &levels.bottom);
    let first = issue(test, bottom).await?;
    let old = test.wait_until_ready(top).await?.bundle;
    let old = old.context("the top has a root")?;
    let key = json!({ "key": { "software": { "secretName": test.unique("top-next") } } });
    test.patch_issuer(top, key).await?;
    let has_another = |status: &IssuerStatus| has_both(status, &old);
    let published = test
        .wait_for_status(top, "with both roots", has_another)
        .await?;
    ensure!(signs(&published, 1), "it is published first: {published:?}");
    for issuer in [middle, bottom] {
        let reached = test
            .wait_for_status(issuer, "with both roots", has_another)
            .await?;
        ensure!(signs(&reached, 1), "{reached:?}");
        ensure!(reached.ca.len() == 1, "nothing is renewed yet: {reached:?}");
    }
    let still = test.wait_for_status(top, "there", |_| true).await?;
    ensure!(signs(&still, 1), "the bundles come first: {still:?}");
    // It is issued under the old root, and its holder trusts both.
    let between = issue(test, bottom).await?;
    ensure!(anchor(&between)? == anchor(&first)?);
    ensure!(between.roots.len() == 2, "{}", between.roots_pem);

    test.wait_for_status(top, "signing under its root", |status| signs(status, 2))
        .await?;
    let during = issue(test, bottom).await?;
    ensure!(
        anchor(&during)? == anchor(&first)?,
        "the CAs below are the old ones"
    );
    renew(test, middle).await?;
    let below_old = issue(test, bottom).await?;
    ensure!(anchor(&below_old)? == anchor(&first)?);
    renew(test, bottom).await?;
    let after = issue(test, bottom).await?;
    ensure!(anchor(&after)? != anchor(&first)?, "{}", after.chain_pem);
    ensure!(after.path()?.len() == 3, "{}", after.chain_pem);
    for earlier in [&between, &during, &below_old] {
        ensure!(trusts(earlier, &after)?, "{}", earlier.roots_pem);
    }
    for earlier in [&first, &between, &during, &below_old] {
        ensure!(trusts(&after, earlier)?, "{}", after.roots_pem);
    }
    ensure!(
        first.issuer()?.public_key() == after.issuer()?.public_key(),
        "the key of the bottom stays"
    );
    Ok(())
}

/// A resync would come too late for a short delay at the top.
pub(crate) async fn another_root_reaches_the_issuer_below_without_a_resync(
    bed: OwnBed,
) -> Result<()> {
    let mut options = bed.operator_options(&[]);
    let mut flags = options.flags.iter_mut();
    let interval = flags.find(|flag| *flag == "--issuer-resync-interval");
    interval.context("the bed sets the interval")?;
    "1h".clone_into(flags.next().context("the flag has a value")?);
    let operator = Operator::start(&options).await?;
    let test = TestNamespace::create(bed.bed(), "woken").await?;
    let mut root = spec::with_ca_profile(&test.unique("above"), 0);
    root["rotation"] = json!({ "activation": "Manual" });
    let above = test.issuer(ClusterIssuer, "above", root).await?;
    let lower = below(&test.unique("lower"), &above.reference());
    let lower = test.issuer(ClusterIssuer, "lower", lower).await?;
    let old = test.wait_until_ready(&lower).await?.bundle;
    let old = old.context("it has a root")?;
    let key = json!({ "key": { "software": { "secretName": test.unique("above-next") } } });
    test.patch_issuer(&above, key).await?;
    let has_another = |status: &IssuerStatus| has_both(status, &old);
    test.wait_for_status(&lower, "with both roots", has_another)
        .await?;
    stop(operator).await
}
