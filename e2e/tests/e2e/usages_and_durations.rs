//! What a certificate is for, and how long.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_CODE_SIGNING, ID_KP_SERVER_AUTH};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use serde_json::json;
use signet_api::IssuerKind::Issuer;
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::{Ask, TestNamespace, ready, spec};
use x509_cert::ext::pkix::KeyUsages;

shared![
    usages_are_exactly_those_of_the_spec,
    no_usages_mean_signature_and_key_encipherment,
    usages_that_do_not_fit_the_key_are_dropped_and_reported,
    ocsp_signing_and_crl_sign_are_refused_on_a_leaf,
    only_extended_usages_add_digital_signature,
    usages_in_the_csr_must_be_those_of_the_spec,
    cert_sign_needs_a_ca,
    a_lifetime_is_exact,
    a_certificate_of_20_s_is_not_born_expired,
    a_lifetime_beyond_the_cas_is_shortened_and_reported,
];

async fn usages_are_exactly_those_of_the_spec(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    let ask = Ask::new(&issuer, &csr).usages(&[
        "content commitment",
        "client auth",
        "digital signature",
        "code signing",
        "key agreement",
        "server auth",
    ]);
    let issued = test.issue(&ask, &csr).await?;
    let expected = [
        KeyUsages::DigitalSignature,
        KeyUsages::NonRepudiation,
        KeyUsages::KeyAgreement,
    ];
    ensure!(
        issued.leaf.key_usage()? == expected,
        "{:?}",
        issued.leaf.key_usage()?
    );
    let expected = [ID_KP_CLIENT_AUTH, ID_KP_CODE_SIGNING, ID_KP_SERVER_AUTH];
    let usages = issued.leaf.extended_key_usage()?;
    ensure!(usages == expected, "in the order of the spec: {usages:?}");
    Ok(())
}

/// Rule CM-8.
async fn no_usages_mean_signature_and_key_encipherment(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::of(KeyKind::Rsa2048)?.dns("shop.example")?.build()?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    let usage = issued.leaf.key_usage()?;
    ensure!(
        usage == [KeyUsages::DigitalSignature, KeyUsages::KeyEncipherment],
        "{usage:?}"
    );
    ensure!(issued.leaf.extended_key_usage()?.is_empty());
    Ok(())
}

/// RFC 8813: an EC key enciphers nothing.
async fn usages_that_do_not_fit_the_key_are_dropped_and_reported(
    test: &TestNamespace,
) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    let usages = ["digital signature", "key encipherment", "server auth"];
    for (usages, dropped) in [(&usages[..], true), (&[], false)] {
        let request = test.ask(&Ask::new(&issuer, &csr).usages(usages)).await?;
        test.approve(&request).await?;
        let issued = test.issued(&request, &csr).await?;
        let usage = issued.leaf.key_usage()?;
        ensure!(usage == [KeyUsages::DigitalSignature], "{usage:?}");
        let object = test.request(&request).await?;
        let message = ready(&object)
            .and_then(|ready| ready.message.clone())
            .unwrap_or_default();
        ensure!(message.contains("key encipherment") == dropped, "{message}");
    }
    Ok(())
}

async fn ocsp_signing_and_crl_sign_are_refused_on_a_leaf(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    for usage in ["ocsp signing", "crl sign"] {
        let ask = Ask::new(&issuer, &csr).usages(&["digital signature", usage]);
        let message = test.refused(&ask, "InvalidUsages").await?;
        ensure!(message.contains(usage), "{message}");
    }
    Ok(())
}

/// Rule X5-14.
async fn only_extended_usages_add_digital_signature(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    let ask = Ask::new(&issuer, &csr).usages(&["client auth", "server auth"]);
    let issued = test.issue(&ask, &csr).await?;
    let usage = issued.leaf.key_usage()?;
    ensure!(usage == [KeyUsages::DigitalSignature], "{usage:?}");
    Ok(())
}

/// Rule A3-23.
/// cert-manager's webhook compares them when the request is created, so that Signet sees only
/// those that agree.
async fn usages_in_the_csr_must_be_those_of_the_spec(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::of_new_key()?
        .dns("shop.example")?
        .usages(
            &[KeyUsagePurpose::DigitalSignature],
            &[ExtendedKeyUsagePurpose::ServerAuth],
        )
        .build()?;
    let agreeing = Ask::new(&issuer, &csr).usages(&["digital signature", "server auth"]);
    test.issue(&agreeing, &csr).await?;
    let differing = Ask::new(&issuer, &csr).usages(&["digital signature", "client auth"]);
    let refused = test
        .ask(&differing)
        .await
        .err()
        .context("the webhook refuses it")?;
    ensure!(
        format!("{refused:#}").contains("ExtKeyUsages"),
        "{refused:#}"
    );
    Ok(())
}

/// Rule A3-24.
async fn cert_sign_needs_a_ca(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    let ask = Ask::new(&issuer, &csr).usages(&["cert sign"]);
    test.refused(&ask, "InvalidUsages").await?;
    Ok(())
}

/// Rules A3-28 and A3-29.
async fn a_lifetime_is_exact(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    for (asked, seconds) in [
        (None, 90 * 24 * 3600),
        (Some("20s"), 20),
        (Some("1h0m0s"), 3600),
        (Some("36h30m"), 36 * 3600 + 1800),
    ] {
        let ask = Ask::new(&issuer, &csr);
        let ask = asked.map_or(ask.clone(), |duration| ask.duration(duration));
        let issued = test.issue(&ask, &csr).await?;
        let lifetime = issued.leaf.lifetime();
        ensure!(
            lifetime == Duration::from_secs(seconds),
            "{asked:?}: {lifetime:?}"
        );
    }
    Ok(())
}

async fn a_certificate_of_20_s_is_not_born_expired(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    let issued = test
        .issue(&Ask::new(&issuer, &csr).duration("20s"), &csr)
        .await?;
    let back = issued
        .expected
        .created
        .duration_since(issued.leaf.not_before());
    ensure!(back.as_secs() <= 2, "a tenth of it at most: {back:#}");
    Ok(())
}

/// Rule PKI-6.
async fn a_lifetime_beyond_the_cas_is_shortened_and_reported(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("short"));
    spec["certificate"]["selfSigned"]["duration"] = json!("2h");
    let issuer = test.issuer(Issuer, "short", spec).await?;
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr).duration("24h")).await?;
    test.approve(&request).await?;
    let issued = test.issued(&request, &csr).await?;
    ensure!(
        issued.leaf.not_after() == issued.roots[0].not_after(),
        "it ends with the CA"
    );
    let object = test.request(&request).await?;
    let message = ready(&object)
        .and_then(|ready| ready.message.clone())
        .unwrap_or_default();
    ensure!(
        message.contains("lifetime shortened to") && message.contains("when the CA expires"),
        "{message}"
    );
    Ok(())
}
