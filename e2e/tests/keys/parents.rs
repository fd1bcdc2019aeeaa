//! cert-manager's CA issuer signs for a key of each backend.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::{self, ClusterIssuer, Issuer};
use signet_e2e::keys::{self, Shared};
use signet_e2e::parents::ACCOUNT;
use signet_e2e::runtime::blocking;
use signet_e2e::{TestNamespace, spec};
use signet_testbed::installation::NAMESPACE;

shared![
    a_ca_issuer_signs_for_a_key_of_each_backend,
    a_ca_issuer_signs_for_an_issuer_in_the_name_of_its_namespace,
];

/// Makes cert-manager's CA issuer over a root, and returns the root.
async fn ca_issuer(test: &TestNamespace, namespace: &str, name: &str) -> Result<String> {
    let bundle = root(test, namespace, name).await?;
    let spec = json!({ "ca": { "secretName": name } });
    test.cert_manager_issuer(namespace, name, spec).await?;
    Ok(bundle)
}

/// Puts a root into a Secret of cert-manager's form, and returns it.
pub(crate) async fn root(test: &TestNamespace, namespace: &str, name: &str) -> Result<String> {
    let root = spec::with_ca_profile("root-key", 1);
    let root = test.issuer(Issuer, "root", root).await?;
    let bundle = test.wait_until_ready(&root).await?.bundle;
    let bundle = bundle.context("it has a root")?;
    let key = test.secret("root-key").await?.data;
    let key = key.and_then(|mut data| data.remove("tls.key"));
    let key = String::from_utf8(key.context("it has a key")?.0)?;
    test.create_object(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": name, "namespace": namespace },
        "stringData": { "tls.crt": bundle, "tls.key": key },
    }))
    .await?;
    Ok(bundle)
}

/// What is issued is read by OpenSSL, Go and rustls-webpki.
async fn signs_below(
    test: &TestNamespace,
    (kind, key): (IssuerKind, Shared),
    parent: Value,
    root: &str,
) -> Result<()> {
    let name = format!("below-{}", key.backend().to_lowercase());
    let issuer = test.issuer_ref(kind, &name);
    test.put_credential(&issuer, &*key).await?;
    let spec = test.spec_over(&issuer, &*key, json!({ "issuerRef": parent }));
    let issuer = test.issuer(kind, &name, spec).await?;
    let issued = test.obtain(&issuer).await?;
    ensure!(issued.roots_pem == root, "{name}: {}", issued.roots_pem);
    ensure!(issued.path()?.len() == 2, "{name}: {}", issued.chain_pem);
    let public = blocking(move || key.public_key()).await?;
    ensure!(issued.issuer()?.public_key() == public, "{name}");
    Ok(())
}

async fn a_ca_issuer_signs_for_a_key_of_each_backend(test: &TestNamespace) -> Result<()> {
    let name = test.unique("corp-root");
    let root = ca_issuer(test, NAMESPACE, &name).await?;
    for key in keys::one_of_each("steady").await? {
        signs_below(test, (ClusterIssuer, key), json!({ "name": name }), &root).await?;
    }
    Ok(())
}

async fn a_ca_issuer_signs_for_an_issuer_in_the_name_of_its_namespace(
    test: &TestNamespace,
) -> Result<()> {
    let root = ca_issuer(test, test.name(), "corp-root").await?;
    test.ca_requester().await?;
    let parent = json!({ "name": "corp-root", "serviceAccountRef": { "name": ACCOUNT } });
    signs_below(test, (Issuer, keys::vault().await?), parent, &root).await
}
