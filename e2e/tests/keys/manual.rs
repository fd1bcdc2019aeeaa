//! A person with an offline root signs the CSR of a key of each backend.

use anyhow::{Result, ensure};
use serde_json::json;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::TestNamespace;
use signet_e2e::keys;
use signet_e2e::manual::Person;
use signet_e2e::runtime::blocking;

shared![an_offline_root_signs_for_a_key_of_each_backend];

async fn an_offline_root_signs_for_a_key_of_each_backend(test: &TestNamespace) -> Result<()> {
    for key in keys::one_of_each("steady").await? {
        let name = format!("offline-{}", key.backend().to_lowercase());
        let config_map = test.unique(&name);
        let issuer = test.issuer_ref(ClusterIssuer, &name);
        test.put_credential(&issuer, &*key).await?;
        let certificate = json!({ "manual": { "configMapName": config_map } });
        let spec = test.spec_over(&issuer, &*key, certificate);
        let issuer = test.create_issuer(ClusterIssuer, &name, spec).await?;
        test.wait_until_not_ready(&issuer, "WaitingForCertificate")
            .await?;
        let person = Person::new(test, &issuer, &config_map).await?;
        person.sign().await?;
        person.put().await?;
        test.wait_until_ready(&issuer).await?;
        let issued = test.obtain(&issuer).await?;
        let public = blocking(move || key.public_key()).await?;
        ensure!(issued.issuer()?.public_key() == public, "{name}");
        let root = issued.roots.first().map(|root| root.subject().to_owned());
        ensure!(root.as_deref() == Some("CN=Offline Root"), "{root:?}");
    }
    Ok(())
}
