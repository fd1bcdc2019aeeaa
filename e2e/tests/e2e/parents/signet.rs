//! Below another issuer of Signet.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::csr::Csr;
use signet_e2e::parents::ACCOUNT;
use signet_e2e::{Ask, IssuerRef, TestNamespace, spec};

use super::below;

shared![
    three_levels_of_issuers,
    a_circle_of_issuers_is_stalled_and_names_its_members,
];

fn reference(issuer: &IssuerRef) -> Value {
    issuer.reference()
}

async fn three_levels_of_issuers(test: &TestNamespace) -> Result<()> {
    let root = spec::with_ca_profile(&test.unique("root"), 1);
    let root = test.issuer(ClusterIssuer, "root", root).await?;
    let mut middle = below(&test.unique("middle"), &reference(&root));
    middle["certificate"]["issuerRef"]["duration"] = json!("8000h");
    middle["profile"] = json!({ "ca": { "pathLength": 0 } });
    let middle = test.create_issuer(ClusterIssuer, "middle", middle).await?;
    test.approve_parent(&middle, 1).await?;
    test.wait_until_ready(&middle).await?;
    test.ca_requester().await?;
    let mut parent = reference(&middle);
    parent["serviceAccountRef"] = json!({ "name": ACCOUNT });
    let bottom = test
        .create_issuer(Issuer, "bottom", below("bottom", &parent))
        .await?;
    test.approve_parent(&bottom, 1).await?;
    test.wait_until_ready(&bottom).await?;
    let csr = Csr::for_dns("shop.example")?;
    // OpenSSL, Go, rustls-webpki and others verify it.
    let issued = test.issue(&Ask::new(&bottom, &csr), &csr).await?;
    ensure!(issued.path()?.len() == 3, "{}", issued.chain_pem);
    ensure!(issued.intermediates.len() == 2, "{}", issued.chain_pem);
    let lengths: Vec<_> = issued
        .intermediates
        .iter()
        .map(|ca| ca.basic_constraints())
        .collect::<Result<_>>()?;
    ensure!(
        lengths == [Some((true, Some(0))), Some((true, Some(1)))],
        "{lengths:?}"
    );
    let status = test.wait_until_ready(&root).await?;
    ensure!(
        status.bundle.as_deref() == Some(&*issued.roots_pem),
        "the root is the first one's"
    );
    Ok(())
}

async fn a_circle_of_issuers_is_stalled_and_names_its_members(test: &TestNamespace) -> Result<()> {
    let names = ["one", "two", "three"].map(|name| test.issuer_ref(ClusterIssuer, name));
    for (at, name) in ["one", "two", "three"].iter().enumerate() {
        let above = reference(&names[(at + 1) % 3]);
        let spec = below(&test.unique(&format!("key-{name}")), &above);
        test.create_issuer(ClusterIssuer, name, spec).await?;
    }
    for issuer in &names {
        let message = test.wait_until_not_ready(issuer, "InvalidSpec").await?;
        for member in &names {
            let shown = format!("ClusterIssuer {}", member.name);
            ensure!(message.contains(&shown), "{message}");
        }
    }
    Ok(())
}
