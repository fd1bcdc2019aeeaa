//! A CA certificate that exists, over a key that is kept elsewhere.

use anyhow::{Result, ensure};
use serde_json::json;
use signet_api::IssuerKind::Issuer;
use signet_e2e::TestNamespace;
use signet_e2e::keys::{self, Shared};

shared![
    vault_under_a_certificate_in_a_secret_or_config_map,
    aws_kms_under_a_certificate_in_a_secret_or_config_map,
];

async fn vault_under_a_certificate_in_a_secret_or_config_map(test: &TestNamespace) -> Result<()> {
    in_secret_or_config_map(test, keys::vault().await?).await
}

async fn aws_kms_under_a_certificate_in_a_secret_or_config_map(test: &TestNamespace) -> Result<()> {
    in_secret_or_config_map(test, keys::kms().await?).await
}

/// The root that one issuer made is what the others find.
pub(crate) async fn in_secret_or_config_map(test: &TestNamespace, key: Shared) -> Result<()> {
    let maker = test.issuer_over(Issuer, "maker", &*key).await?;
    let root = test.obtain(&maker).await?.roots_pem;
    let metadata = json!({ "name": "chain" });
    let data = json!({ "tls.crt": root });
    test.create_object(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data,
    }))
    .await?;
    test.create_object(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data,
    }))
    .await?;
    for (name, place) in [
        ("by-secret", "secretName"),
        ("by-config-map", "configMapName"),
    ] {
        let issuer = test.issuer_ref(Issuer, name);
        test.put_credential(&issuer, &*key).await?;
        let spec = test.spec_over(&issuer, &*key, json!({ "existing": { place: "chain" } }));
        let issuer = test.issuer(Issuer, name, spec).await?;
        let issued = test.obtain(&issuer).await?;
        ensure!(
            issued.roots_pem == root,
            "{name} issues under the root that exists"
        );
    }
    Ok(())
}
