//! The tests' own judge: that it lets nothing wrong pass.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use signet_api::IssuerKind::Issuer;
use signet_e2e::csr::Csr;
use signet_e2e::verify::{check, issues_below};
use signet_e2e::{Ask, TestNamespace, spec};

shared![
    a_wrong_certificate_does_not_pass,
    a_ca_is_judged_by_its_own_key
];

async fn a_wrong_certificate_does_not_pass(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let other = test
        .issuer(Issuer, "other", spec::self_signed(&test.unique("other")))
        .await?;
    let (csr, another) = (
        Csr::for_dns("shop.example")?,
        Csr::for_dns("another.example")?,
    );
    let good = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    let under_other = test.issue(&Ask::new(&other, &another), &another).await?;
    let (chain, roots, key) = (&good.chain_pem, &good.roots_pem, csr.public_key());
    for (chain, roots, key, is_ca, expected) in [
        (
            chain,
            roots,
            another.public_key(),
            false,
            "not the one of the CSR",
        ),
        (
            chain,
            &under_other.roots_pem,
            key.clone(),
            false,
            "nobody issued",
        ),
        (chain, &String::new(), key.clone(), false, "nobody issued"),
        (chain, roots, key.clone(), true, "a CA says so"),
        (
            &format!("{chain}{roots}"),
            roots,
            key.clone(),
            false,
            "no self-signed root",
        ),
        (
            &format!("{roots}{chain}"),
            roots,
            key.clone(),
            false,
            "leaf first",
        ),
        (
            chain,
            &format!("{roots}{roots}"),
            key.clone(),
            false,
            "no root twice",
        ),
        (
            &with_a_broken_signature(chain)?,
            roots,
            key.clone(),
            false,
            "the signature of",
        ),
    ] {
        let error = check(chain, roots, &key, is_ca)
            .err()
            .context("it passed")?;
        ensure!(
            format!("{error:#}").contains(expected),
            "{expected}: {error:#}"
        );
    }
    check(chain, roots, &key, false).map(drop)
}

async fn a_ca_is_judged_by_its_own_key(test: &TestNamespace) -> Result<()> {
    let spec = spec::with_ca_profile(&test.unique("ca"), 0);
    let issuer = test.issuer(Issuer, "ca", spec).await?;
    let (csr, another) = (
        Csr::of_new_key()?.common_name("sub").build()?,
        Csr::for_dns("b.example")?,
    );
    let issued = test.issue(&Ask::new(&issuer, &csr).ca(), &csr).await?;
    ensure!(
        issues_below(&issued, &another, "sub").is_err(),
        "another's key passed"
    );
    issues_below(&issued, &csr, "sub")
}

/// The last bit of a certificate in PEM, turned.
fn with_a_broken_signature(pem: &str) -> Result<String> {
    let body: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let mut der = STANDARD.decode(body)?;
    *der.last_mut().context("it has bytes")? ^= 1;
    Ok(format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(der)
    ))
}
