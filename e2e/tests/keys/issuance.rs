//! From a Certificate to its Secret, with the CA's key elsewhere.

use anyhow::{Result, ensure};
use serde_json::json;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::keys::{self, Shared};
use signet_e2e::runtime::blocking;
use signet_e2e::{IssuerRef, TestNamespace};

shared![
    vault_certificate_to_secret,
    aws_kms_certificate_to_secret,
    pkcs11_certificate_to_secret,
];

async fn vault_certificate_to_secret(test: &TestNamespace) -> Result<()> {
    by_cluster_issuer(test, keys::vault().await?).await?;
    by_issuer(test, keys::vault().await?).await
}

async fn aws_kms_certificate_to_secret(test: &TestNamespace) -> Result<()> {
    by_cluster_issuer(test, keys::kms().await?).await?;
    by_issuer(test, keys::kms().await?).await
}

/// The list of modules names the namespaces whose Issuers may use them.
async fn pkcs11_certificate_to_secret(test: &TestNamespace) -> Result<()> {
    by_cluster_issuer(test, keys::token("steady").await?).await?;
    let tenant = TestNamespace::named(test.bed(), "steady-tenant").await?;
    by_issuer(&tenant, keys::token("steady").await?).await?;
    crate::existing::in_secret_or_config_map(&tenant, keys::token("steady").await?).await
}

async fn by_cluster_issuer(test: &TestNamespace, key: Shared) -> Result<()> {
    let issuer = test.issuer_over(ClusterIssuer, "remote", &*key).await?;
    certificate_to_secret(test, &issuer, &key).await
}

async fn by_issuer(test: &TestNamespace, key: Shared) -> Result<()> {
    let issuer = test.issuer_over(Issuer, "remote", &*key).await?;
    certificate_to_secret(test, &issuer, &key).await
}

async fn certificate_to_secret(
    test: &TestNamespace,
    issuer: &IssuerRef,
    key: &Shared,
) -> Result<()> {
    let name = format!("by-{}", issuer.kind.plural());
    let names = json!({ "dnsNames": ["shop.example"], "privateKey": { "algorithm": "ECDSA" } });
    test.create_certificate(&name, issuer.reference(), names)
        .await?;
    let issued = test.certificate_issued(&name, 1).await?;
    let key = Shared::clone(key);
    let public = blocking(move || key.public_key()).await?;
    ensure!(
        issued.issuer()?.public_key() == public,
        "the CA's key is the one that the backend's own tool returns"
    );
    Ok(())
}
