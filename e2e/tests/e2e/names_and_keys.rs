//! What a certificate states about its holder: the key, the subject, the names.

use anyhow::{Result, ensure};
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::verify::Name;
use signet_e2e::{Ask, TestNamespace};

shared![
    every_type_of_key_is_certified,
    every_kind_of_name_survives_in_order,
    a_subject_with_two_units_keeps_its_bytes,
    istio_has_an_empty_organization,
    a_common_name_alone_is_enough,
    a_subject_key_identifier_in_the_csr_is_not_the_requesters_to_choose,
];

async fn every_type_of_key_is_certified(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let issued = KeyKind::ALL.map(async |kind| {
        let csr = Csr::of(kind)?.dns("shop.example")?.build()?;
        test.issue(&Ask::new(&issuer, &csr), &csr).await
    });
    futures::future::try_join_all(issued).await?;
    Ok(())
}

/// Rule A3-26.
async fn every_kind_of_name_survives_in_order(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::of_new_key()?
        .uri("https://shop.example/a?b=c")?
        .dns("*.shop.example")?
        .ip([10, 0, 0, 1])
        .email("sales@shop.example")?
        .other_name(&[1, 3, 6, 1, 4, 1, 311, 20, 2, 3], "sales@shop.example")
        .ip([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])
        .dns("shop.example")?
        .build()?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    let principal = [
        // [0] EXPLICIT UTF8String
        &[0xa0, 0x14, 0x0c, 0x12][..],
        b"sales@shop.example",
    ];
    let expected = [
        Name::Uri("https://shop.example/a?b=c".to_owned()),
        Name::Dns("*.shop.example".to_owned()),
        Name::Ip([10, 0, 0, 1].into()),
        Name::Email("sales@shop.example".to_owned()),
        Name::Other("1.3.6.1.4.1.311.20.2.3".to_owned(), principal[1..].concat()),
        Name::Ip([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()),
        Name::Dns("shop.example".to_owned()),
    ];
    let mut names = issued.leaf.names()?;
    if let Name::Other(_, value) = &mut names[4] {
        // The reader keeps the inner value with its own header.
        *value = value.split_off(value.len() - principal[1].len());
    }
    ensure!(names == expected, "{names:?}");
    Ok(())
}

/// Rule A3-26.
async fn a_subject_with_two_units_keeps_its_bytes(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    // Two units, one name of two attributes, and obsolete types of string.
    let csr = Csr::by_openssl(
        "[req]\nprompt = no\ndistinguished_name = name\nstring_mask = default\n\
         [name]\nC = DE\nO = Example\n0.OU = shops\n1.OU = outlets\n+OU = second\nCN = Käse\n",
    )?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    ensure!(
        issued.leaf.subject_der() == csr.subject()?,
        "{}",
        issued.leaf.subject()
    );
    ensure!(
        issued.leaf.subject().contains("OU=shops"),
        "{}",
        issued.leaf.subject()
    );
    Ok(())
}

async fn istio_has_an_empty_organization(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::of_new_key()?
        .organization("")
        .uri("spiffe://td/ns/a/sa/b")?
        .build()?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    ensure!(
        issued.leaf.subject_der() == csr.subject()?,
        "{}",
        issued.leaf.subject()
    );
    Ok(())
}

async fn a_common_name_alone_is_enough(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::of_new_key()?.common_name("shop").build()?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    ensure!(
        issued.leaf.subject() == "CN=shop",
        "{}",
        issued.leaf.subject()
    );
    ensure!(issued.leaf.names()?.is_empty(), "no name is added");
    Ok(())
}

async fn a_subject_key_identifier_in_the_csr_is_not_the_requesters_to_choose(
    test: &TestNamespace,
) -> Result<()> {
    let issuer = test.root().await?;
    let chosen = vec![0x04, 0x04, 0xde, 0xad, 0xbe, 0xef];
    let csr = Csr::of_new_key()?
        .dns("a.example")?
        .extension(&[2, 5, 29, 14], chosen)
        .build()?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    let identifier = issued.leaf.subject_key_identifier();
    ensure!(
        identifier.as_deref() != Some(&[0xde, 0xad, 0xbe, 0xef]),
        "{identifier:?}"
    );
    Ok(())
}
