//! A person with an offline root signs the CSR in the status.

use anyhow::{Result, ensure};
use kube::Api;
use serde_json::json;
use signet_api::ClusterIssuer as Object;
use signet_api::GenerationRole;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::Csr;
use signet_e2e::manual::Person;
use signet_e2e::{Ask, IssuerRef, TestNamespace};

shared![
    a_person_signs_with_an_offline_root_as_the_page_says,
    a_certificate_without_extensions_gets_a_message_of_its_own,
];

async fn waiting(test: &TestNamespace, config_map: &str) -> Result<IssuerRef> {
    let spec = json!({
        "key": { "software": { "secretName": test.unique("manual") } },
        "certificate": { "manual": {
            "configMapName": config_map, "subject": "CN=Example Issuing CA,O=Example", "pathLength": 0,
        } },
    });
    let issuer = test.create_issuer(ClusterIssuer, "corp", spec).await?;
    test.wait_until_not_ready(&issuer, "WaitingForCertificate")
        .await?;
    Ok(issuer)
}

async fn a_person_signs_with_an_offline_root_as_the_page_says(test: &TestNamespace) -> Result<()> {
    let config_map = test.unique("chain");
    let issuer = waiting(test, &config_map).await?;
    let person = Person::new(test, &issuer, &config_map).await?;
    let api: Api<Object> = Api::all(test.bed().client());
    let status = api.get(&issuer.name).await?.status;
    let csr = status.and_then(|status| status.csr);
    let (sha256, key_id) = csr
        .map(|csr| (csr.sha256, csr.subject_key_id))
        .unwrap_or_default();
    let shown = person.sign().await?;
    ensure!(shown.contains(&sha256), "{shown} has no {sha256}");
    let shown = shown.replace(':', "").to_lowercase();
    ensure!(shown.contains(&key_id), "{shown} has no {key_id}");
    person.put().await?;
    test.wait_until_ready(&issuer).await?;
    let csr = Csr::for_dns("shop.example")?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    let ca = issued.issuer()?.subject();
    ensure!(ca == "CN=Example Issuing CA,O=Example", "{ca}");
    person
        .run("openssl x509 -in corp.pem -noout -checkend 60")
        .await?;

    // Another certificate for the same key, before its renewal is due.
    person.sign_again().await?;
    person.replace().await?;
    let follows = |found: &Object| {
        let ca = found.status.iter().find_map(|status| status.ca.first());
        ca.is_some_and(|ca| ca.generation == 2 && ca.role == Some(GenerationRole::Current))
    };
    test.bed()
        .wait(&api, &issuer.name, "its second generation", follows)
        .await?;
    Ok(())
}

async fn a_certificate_without_extensions_gets_a_message_of_its_own(
    test: &TestNamespace,
) -> Result<()> {
    let config_map = test.unique("chain");
    let issuer = waiting(test, &config_map).await?;
    let person = Person::new(test, &issuer, &config_map).await?;
    person.sign().await?;
    person
        .run("openssl x509 -req -in corp.csr -CA root.pem -CAkey root.key -days 9 -out corp.pem")
        .await?;
    person.put().await?;
    let message = test.wait_until_not_ready(&issuer, "InvalidCa").await?;
    ensure!(
        message.contains("without an extension file") || message.contains("CA:TRUE"),
        "{message}"
    );
    Ok(())
}
