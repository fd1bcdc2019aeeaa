//! Requests for CA certificates.

use anyhow::{Result, ensure};
use serde_json::json;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::csr::Csr;
use signet_e2e::verify::issues_below;
use signet_e2e::{Ask, TestNamespace, spec};
use x509_cert::ext::pkix::KeyUsages;

shared![
    a_ca_is_refused_unless_the_profile_allows_it,
    a_ca_has_path_length_0_by_default,
    a_ca_has_the_path_length_of_the_profile,
    a_path_length_stays_below_the_parents,
    a_parent_with_path_length_0_issues_no_ca,
    a_ca_without_usages_of_its_own_gets_those_of_a_ca,
    rfc_5280_a_ca_needs_a_subject,
    no_certificate_takes_the_name_of_the_ca,
];

async fn a_ca_is_refused_unless_the_profile_allows_it(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::of_new_key()?.common_name("sub").build()?;
    let message = test
        .refused(&Ask::new(&issuer, &csr).ca(), "CaNotAllowed")
        .await?;
    ensure!(
        message.contains("spec.profile.ca"),
        "it states what to change: {message}"
    );
    Ok(())
}

/// Rule PKI-7.
async fn a_ca_has_path_length_0_by_default(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("ca"));
    spec["profile"] = json!({ "ca": {} });
    let issuer = test.issuer(ClusterIssuer, "ca", spec).await?;
    let csr = Csr::of_new_key()?.common_name("sub").build()?;
    let issued = test.issue(&Ask::new(&issuer, &csr).ca(), &csr).await?;
    ensure!(issued.leaf.basic_constraints()? == Some((true, Some(0))));
    issues_below(&issued, &csr, "sub")
}

/// Rule PKI-7.
async fn a_ca_has_the_path_length_of_the_profile(test: &TestNamespace) -> Result<()> {
    let spec = spec::with_ca_profile(&test.unique("ca"), 2);
    let issuer = test.issuer(Issuer, "ca", spec).await?;
    let csr = Csr::of_new_key()?.common_name("sub").build()?;
    let issued = test.issue(&Ask::new(&issuer, &csr).ca(), &csr).await?;
    ensure!(issued.leaf.basic_constraints()? == Some((true, Some(2))));
    issues_below(&issued, &csr, "sub")
}

/// Rule PKI-7.
async fn a_path_length_stays_below_the_parents(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::with_ca_profile(&test.unique("ca"), 5);
    spec["certificate"]["selfSigned"]["pathLength"] = json!(2);
    let issuer = test.issuer(Issuer, "ca", spec).await?;
    let csr = Csr::of_new_key()?.common_name("sub").build()?;
    let issued = test.issue(&Ask::new(&issuer, &csr).ca(), &csr).await?;
    ensure!(issued.leaf.basic_constraints()? == Some((true, Some(1))));
    issues_below(&issued, &csr, "sub")
}

/// Rule PKI-7.
async fn a_parent_with_path_length_0_issues_no_ca(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::with_ca_profile(&test.unique("ca"), 1);
    spec["certificate"]["selfSigned"]["pathLength"] = json!(0);
    let issuer = test.issuer(Issuer, "ca", spec).await?;
    let csr = Csr::of_new_key()?.common_name("sub").build()?;
    test.refused(&Ask::new(&issuer, &csr).ca(), "PathLengthExceeded")
        .await?;
    let leaf = Csr::for_dns("leaf.example")?;
    test.issue(&Ask::new(&issuer, &leaf), &leaf).await?;
    Ok(())
}

/// The form in which a cert-manager Certificate with `isCA` asks: the usages are those of a leaf,
/// and cert sign.
async fn a_ca_without_usages_of_its_own_gets_those_of_a_ca(test: &TestNamespace) -> Result<()> {
    let spec = spec::with_ca_profile(&test.unique("ca"), 0);
    let issuer = test.issuer(Issuer, "ca", spec).await?;
    let csr = Csr::of_new_key()?.common_name("sub").build()?;
    let usages = ["digital signature", "key encipherment", "cert sign"];
    let issued = test
        .issue(&Ask::new(&issuer, &csr).ca().usages(&usages), &csr)
        .await?;
    let usage = issued.leaf.key_usage()?;
    ensure!(
        usage.contains(&KeyUsages::DigitalSignature),
        "and digital signature, which was requested: {usage:?}"
    );
    ensure!(
        issued.leaf.extended_key_usage()?.is_empty(),
        "and no extended ones"
    );
    issues_below(&issued, &csr, "sub")
}

async fn rfc_5280_a_ca_needs_a_subject(test: &TestNamespace) -> Result<()> {
    let spec = spec::with_ca_profile(&test.unique("ca"), 0);
    let issuer = test.issuer(Issuer, "ca", spec).await?;
    let named = Csr::for_dns("sub.example")?;
    let issued = test.issue(&Ask::new(&issuer, &named).ca(), &named).await?;
    ensure!(
        issued.leaf.subject() == "CN=sub.example",
        "{}",
        issued.leaf.subject()
    );
    let unnamed = Csr::of_new_key()?.ip([10, 0, 0, 1]).build()?;
    test.refused(&Ask::new(&issuer, &unnamed).ca(), "InvalidName")
        .await?;
    Ok(())
}

/// RFC 5280 7.1: case does not count.
async fn no_certificate_takes_the_name_of_the_ca(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::with_ca_profile(&test.unique("ca"), 0);
    spec["certificate"]["selfSigned"]["subject"] = json!("CN=Example Root");
    let issuer = test.issuer(Issuer, "ca", spec).await?;
    let csr = Csr::of_new_key()?.common_name("example ROOT").build()?;
    for ask in [Ask::new(&issuer, &csr), Ask::new(&issuer, &csr).ca()] {
        let message = test.refused(&ask, "InvalidName").await?;
        ensure!(message.contains("change the common name"), "{message}");
    }
    Ok(())
}
