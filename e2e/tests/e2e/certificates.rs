//! cert-manager's Certificates, from end to end into a Secret.

use anyhow::{Result, ensure};
use serde_json::json;
use signet_api::IssuerKind::{self, ClusterIssuer, Issuer};
use signet_api::external::certificate_request::CertificateRequest;
use signet_e2e::verify::Name;
use signet_e2e::{OwnBed, TestNamespace, spec};

shared![
    a_certificate_by_a_namespaced_issuer,
    a_certificate_by_a_cluster_issuer,
    a_ca_certificate_for_another_issuer,
    a_certificate_whose_request_fails_is_not_issued,
];

async fn a_certificate_by_a_namespaced_issuer(test: &TestNamespace) -> Result<()> {
    into_a_secret(test, Issuer).await
}

async fn a_certificate_by_a_cluster_issuer(test: &TestNamespace) -> Result<()> {
    into_a_secret(test, ClusterIssuer).await
}

async fn into_a_secret(test: &TestNamespace, kind: IssuerKind) -> Result<()> {
    let issuer = test
        .issuer(kind, "ca", spec::self_signed(&test.unique("ca")))
        .await?;
    let names = json!({ "dnsNames": ["shop.example", "*.shop.example"], "duration": "24h" });
    test.create_certificate("shop", issuer.reference(), names)
        .await?;
    test.approve_certificate("shop", 1).await?;
    let issued = test.certificate_issued("shop", 1).await?;
    let expected = ["shop.example", "*.shop.example"].map(|name| Name::Dns(name.to_owned()));
    ensure!(
        issued.leaf.names()? == expected,
        "{:?}",
        issued.leaf.names()?
    );
    let status = test.wait_until_ready(&issuer).await?;
    ensure!(
        status.bundle.as_deref() == Some(&issued.roots_pem),
        "ca.crt is the trust bundle"
    );
    Ok(())
}

/// What a mesh's CA is made like; cert-manager asks with the usages of a leaf.
async fn a_ca_certificate_for_another_issuer(test: &TestNamespace) -> Result<()> {
    let issuer = test
        .issuer(Issuer, "ca", spec::with_ca_profile(&test.unique("ca"), 1))
        .await?;
    let spec = json!({ "isCA": true, "commonName": "mesh", "privateKey": { "algorithm": "ECDSA" }});
    test.create_certificate("mesh", issuer.reference(), spec)
        .await?;
    test.approve_certificate("mesh", 1).await?;
    let sub = test.certificate_issued("mesh", 1).await?;
    ensure!(sub.leaf.basic_constraints()? == Some((true, Some(1))));

    // And Signet can take that very Secret over: a chain of two, below a root.
    let below = test.issuer(Issuer, "below", spec::existing("mesh")).await?;
    let names = json!({ "dnsNames": ["shop.example"] });
    test.create_certificate("shop", below.reference(), names)
        .await?;
    test.approve_certificate("shop", 1).await?;
    let issued = test.certificate_issued("shop", 1).await?;
    ensure!(
        issued.intermediates.len() == 1,
        "{:?}",
        issued.intermediates
    );
    ensure!(issued.roots_pem == sub.roots_pem, "the root is the same");
    Ok(())
}

async fn a_certificate_whose_request_fails_is_not_issued(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let spec = json!({ "isCA": true, "commonName": "mesh" });
    test.create_certificate("mesh", issuer.reference(), spec)
        .await?;
    let request = test.approve_certificate("mesh", 1).await?;
    test.failed(&request, "CaNotAllowed").await?;
    let refused = |certificate: &signet_e2e::Certificate| {
        let issuing = certificate.condition("Issuing");
        issuing.is_some_and(|issuing| {
            issuing.status == "False" && issuing.message.contains("CaNotAllowed")
        })
    };
    // cert-manager repeats our message, and tries again by itself after an hour.
    test.bed()
        .wait(&test.api(), "mesh", "refused with the reason", refused)
        .await?;
    Ok(())
}

/// Rule A4-34.
/// On the second control plane cert-manager's approver is on.
pub(crate) async fn the_chart_lets_cert_managers_approver_approve(bed: OwnBed) -> Result<()> {
    let operator = bed.start_operator(&[]).await?;
    let test = TestNamespace::create(bed.bed(), "approver").await?;
    for kind in [Issuer, ClusterIssuer] {
        let issuer = test
            .issuer(kind, "ca", spec::self_signed(&test.unique(kind.plural())))
            .await?;
        let names = json!({ "dnsNames": ["shop.example"] });
        test.create_certificate(kind.plural(), issuer.reference(), names)
            .await?;
        let by_cert_manager = |request: &CertificateRequest| {
            let status = request.status.as_ref();
            let approved = status.and_then(|status| status.condition("Approved"));
            approved.is_some_and(|it| it.reason.as_deref() == Some("cert-manager.io"))
        };
        let request = format!("{}-1", kind.plural());
        test.wait_for_request(&request, "approved by cert-manager", by_cert_manager)
            .await?;
        test.certificate_issued(kind.plural(), 1).await?;
    }
    operator.stop().await?;
    Ok(())
}
