//! What a parent must revoke when the key of a CA below it is revoked.

use anyhow::{Context, Result, ensure};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::json;
use signet_api::IssuerKind::Issuer;
use signet_e2e::csr::Csr;
use signet_e2e::parents::ACCOUNT;
use signet_e2e::{Ask, IssuerRef, TestNamespace, ready_condition};

use super::below;
use super::cert_manager::ca_issuer;

shared![the_certificate_that_the_parent_must_revoke_is_listed];

/// Waits until the Ready message names a certificate by its issuer and serial number, as a CRL does.
async fn lists(
    test: &TestNamespace,
    issuer: &IssuerRef,
    status: &str,
    certificate: &str,
) -> Result<()> {
    let holds = |ready: &Condition| ready.status == status && ready.message.contains(certificate);
    let found = test.wait_for_issuer(issuer, certificate, holds).await?;
    let message = ready_condition(&found).map(|ready| ready.message.as_str());
    let intro = "have these certificates over revoked keys revoked by the CAs that issued them: ";
    ensure!(message.is_some_and(|it| it.contains(intro)), "{message:?}");
    Ok(())
}

async fn the_certificate_that_the_parent_must_revoke_is_listed(test: &TestNamespace) -> Result<()> {
    ca_issuer(test, test.name(), "corp-root").await?;
    test.ca_requester().await?;
    let parent = json!({
        "name": "corp-root", "serviceAccountRef": { "name": ACCOUNT }, "duration": "48h",
    });
    let issuer = test
        .create_issuer(Issuer, "shop", below("shop-ca", &parent))
        .await?;
    test.approve_parent(&issuer, 1).await?;
    let status = test.wait_until_ready(&issuer).await?;
    let csr = Csr::for_dns("shop.example")?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    let serial = hex::encode(issued.issuer()?.serial());
    let certificate = format!("serial number {serial} of CN=corp-root");
    let key = status.ca.first().context("it has a CA")?;
    let revoked = json!({ "rotation": { "revoked": [key.key_fingerprint] } });
    test.patch_issuer(&issuer, revoked).await?;
    lists(test, &issuer, "False", &certificate).await?;
    // It still has to be revoked when the CA over the next key signs.
    let next = json!({ "key": { "software": { "secretName": "shop-next" } } });
    test.patch_issuer(&issuer, next).await?;
    test.approve_parent(&issuer, 2).await?;
    lists(test, &issuer, "True", &certificate).await
}
