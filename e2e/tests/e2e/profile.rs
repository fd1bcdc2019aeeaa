//! How long certificates are valid, and the URLs in them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use signet_api::IssuerKind::Issuer;
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, TestNamespace, ready, spec};

shared![
    pki_6_a_ca_with_less_than_the_minimum_left_signs_only_what_fits,
    a_longer_request_waits_and_is_issued_once_it_may_be_shortened,
    a_lifetime_above_the_maximum_is_shortened_and_the_condition_says_so,
];

/// The root is valid for half an hour, and the minimum is an hour by default.
async fn pki_6_a_ca_with_less_than_the_minimum_left_signs_only_what_fits(
    test: &TestNamespace,
) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("short"));
    spec["certificate"]["selfSigned"]["duration"] = json!("30m");
    spec["profile"] = json!({
        "crlDistributionPoints": ["http://pki.example/$(generation)/ca.crl"],
        "issuingCertificateURLs": ["http://pki.example/$(generation)/ca.der"],
        "ocspServers": ["http://ocsp.example/$(generation)"],
    });
    let issuer = test.issuer(Issuer, "short", spec).await?;
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.approve(&request).await?;
    let status = test.pending(&request, "CaExpiresTooSoon").await?;
    ensure!(status.certificate.is_none());
    let fits = Ask::new(&issuer, &csr).duration("10m");
    let issued = test.issue(&fits, &csr).await?;
    ensure!(issued.leaf.lifetime() == Duration::from_secs(600));
    for url in [
        "http://pki.example/1/ca.crl",
        "http://pki.example/1/ca.der",
        "http://ocsp.example/1",
    ] {
        let mut windows = issued.leaf.der().windows(url.len());
        ensure!(windows.any(|window| window == url.as_bytes()), "{url}");
    }
    Ok(())
}

/// The change of the profile wakes the request.
async fn a_longer_request_waits_and_is_issued_once_it_may_be_shortened(
    test: &TestNamespace,
) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("wait"));
    spec["certificate"]["selfSigned"]["duration"] = json!("48h");
    spec["profile"] = json!({ "whenCAExpiresFirst": "Wait" });
    let issuer = test.issuer(Issuer, "wait", spec).await?;
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.approve(&request).await?;
    test.pending(&request, "CaExpiresTooSoon").await?;
    let shorten = json!({ "profile": { "whenCAExpiresFirst": "Shorten" } });
    test.patch_issuer(&issuer, shorten).await?;
    let issued = test.issued(&request, &csr).await?;
    ensure!(issued.leaf.not_after() == issued.roots[0].not_after());
    Ok(())
}

async fn a_lifetime_above_the_maximum_is_shortened_and_the_condition_says_so(
    test: &TestNamespace,
) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("max"));
    spec["profile"] = json!({ "maxDuration": "1h30m" });
    let issuer = test.issuer(Issuer, "max", spec).await?;
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr).duration("24h")).await?;
    test.approve(&request).await?;
    let issued = test.issued(&request, &csr).await?;
    ensure!(issued.leaf.lifetime() == Duration::from_secs(5400));
    let object = test.request(&request).await?;
    let message = ready(&object).and_then(|ready| ready.message.clone());
    let message = message.context("it has a message")?;
    ensure!(
        message.ends_with("lifetime shortened to 1h30m, the issuer's spec.profile.maxDuration"),
        "{message}"
    );
    Ok(())
}
