//! Pages of the docs, followed word by word.

use anyhow::Result;
use signet_api::IssuerKind;
use signet_e2e::{TestNamespace, keys, tutorial};

shared![
    an_offline_root_with_a_software_key,
    an_offline_root_with_a_pkcs11_key,
    the_rotation_runbook,
];

const PAGE: &str = "offline-root.md";

async fn an_offline_root_with_a_software_key(test: &TestNamespace) -> Result<()> {
    tutorial::follow(test.bed(), PAGE, &[]).await
}

async fn the_rotation_runbook(test: &TestNamespace) -> Result<()> {
    let other_certificate = [("web", "rotated")];
    tutorial::follow(test.bed(), "rotation.md", &other_certificate).await
}

/// As the page says: another sample, and another patch. The issuer and the certificate have other
/// names, because the cluster is the same.
async fn an_offline_root_with_a_pkcs11_key(test: &TestNamespace) -> Result<()> {
    let (first, second) = futures::try_join!(keys::token("steady"), keys::token("steady"))?;
    let issuer = test.issuer_ref(IssuerKind::ClusterIssuer, "acme");
    test.put_credential(&issuer, &*first).await?;
    let key = |key: &keys::TokenKey| {
        format!(
            "pkcs11/{}/{};object={}",
            key.token(),
            key.token(),
            key.label()
        )
    };
    let (token, old, new) = (format!(": {}\n", first.token()), key(&first), key(&second));
    let label = format!("keyLabel: {}\n", first.label());
    let patch = format!(r#"{{"pkcs11":{{"keyLabel":"{}"}}}}"#, second.label());
    let variant = [
        (
            "samples/offline-root.yaml\n",
            "samples/offline-root-pkcs11.yaml\n",
        ),
        (r#"{"software":{"secretName":"corp-ca-2027"}}"#, &*patch),
        ("software/corp-ca-2027", &*new),
        ("software/corp-ca", &*old),
        (": softhsm\n", &*token),
        (": signet\n", &*token),
        ("keyLabel: ca-2026\n", &*label),
        ("corp", "acme"),
        ("orders", "shop"),
    ];
    tutorial::follow(test.bed(), PAGE, &variant).await
}
