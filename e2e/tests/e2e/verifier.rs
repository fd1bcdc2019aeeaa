//! The tests' own judge: that it lets nothing wrong pass.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use signet_api::IssuerKind::Issuer;
use signet_e2e::csr::Csr;
use signet_e2e::verify::{Expected, check, issues_below};
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
    let (chain, roots, right) = (&good.chain_pem, &good.roots_pem, &good.expected);
    let right = || right.clone();
    let other_key = Expected {
        public_key: another.public_key(),
        ..right()
    };
    let ca = Expected {
        is_ca: true,
        ..right()
    };
    let begin = good.leaf.not_before();
    let early = Expected {
        issued_at: begin - SignedDuration::from_secs(1),
        ..right()
    };
    let late = Expected {
        created: begin + SignedDuration::from_secs(62),
        ..right()
    };
    for (chain, roots, expected, message) in [
        (chain, roots, other_key, "not the one of the CSR"),
        (chain, &under_other.roots_pem, right(), "no issuer of"),
        (chain, &String::new(), right(), "no issuer of"),
        (chain, roots, ca, "a CA has CA:TRUE"),
        (chain, roots, early, "it is not valid before"),
        (chain, roots, late, "and was requested at"),
        (
            &format!("{chain}{roots}"),
            roots,
            right(),
            "no self-signed root",
        ),
        (&format!("{roots}{chain}"), roots, right(), "leaf first"),
        (chain, &format!("{roots}{roots}"), right(), "no root twice"),
        (
            &with_a_broken_signature(chain)?,
            roots,
            right(),
            "the signature of",
        ),
    ] {
        let error = check(chain, roots, expected).err().context("it passed")?;
        ensure!(
            format!("{error:#}").contains(message),
            "{message}: {error:#}"
        );
    }
    check(chain, roots, right()).map(drop)
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
