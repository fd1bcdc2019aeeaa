//! Below cert-manager's CA issuer, whose root is in a Secret.

use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use serde_json::json;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::csr::Csr;
use signet_e2e::parents::ACCOUNT;
use signet_e2e::{Ask, CertManagerCa, TestNamespace};
use signet_testbed::installation::NAMESPACE;

use super::below;

shared![
    an_issuer_below_a_ca_issuer_in_the_name_of_its_namespace,
    a_cluster_issuer_below_a_ca_issuer,
    a_ca_is_renewed_by_its_parent,
];

/// Makes cert-manager's CA issuer of this name, and its root.
pub(crate) async fn ca_issuer(test: &TestNamespace, namespace: &str, name: &str) -> Result<()> {
    let above = format!("{name}-self-signed");
    test.self_signed_issuer(namespace, &above).await?;
    test.cert_manager_ca(CertManagerCa {
        namespace,
        name,
        key: ("ECDSA", 256),
        issuer: &above,
    })
    .await?;
    let spec = json!({ "ca": { "secretName": name } });
    test.cert_manager_issuer(namespace, name, spec).await
}

async fn an_issuer_below_a_ca_issuer_in_the_name_of_its_namespace(
    test: &TestNamespace,
) -> Result<()> {
    ca_issuer(test, test.name(), "corp-root").await?;
    test.ca_requester().await?;
    let parent = json!({
        "name": "corp-root", "serviceAccountRef": { "name": ACCOUNT },
        "subject": "CN=Shop CA,O=Example", "pathLength": 0, "duration": "48h",
    });
    let issuer = test
        .create_issuer(Issuer, "shop", below("shop-ca", &parent))
        .await?;
    let message = test
        .wait_until_not_ready(&issuer, "WaitingForParent")
        .await?;
    ensure!(message.contains("is not approved yet"), "{message}");
    let name = test.approve_parent(&issuer, 1).await?;
    let request = test.request(&name).await?;
    let account = format!("system:serviceaccount:{}:{ACCOUNT}", test.name());
    ensure!(request.spec.username == account, "{request:?}");
    ensure!(request.spec.duration.as_deref() == Some("48h0m0s"));
    test.wait_until_ready(&issuer).await?;
    let csr = Csr::for_dns("shop.example")?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    let ca = issued.issuer()?.subject();
    ensure!(ca == "CN=Shop CA,O=Example", "{ca}");
    let [root] = &issued.roots[..] else {
        anyhow::bail!("the bundle is {}", issued.roots_pem);
    };
    ensure!(root.subject() == "CN=corp-root", "{}", root.subject());
    test.delete_issuer(&issuer).await?;
    test.wait_until_request_is_gone(&issuer, &name).await
}

async fn a_cluster_issuer_below_a_ca_issuer(test: &TestNamespace) -> Result<()> {
    let root = test.unique("corp-root");
    ca_issuer(test, NAMESPACE, &root).await?;
    let spec = below(&test.unique("key"), &json!({ "name": root }));
    let issuer = test.create_issuer(ClusterIssuer, "corp", spec).await?;
    let denied = test.deny_parent(&issuer, (1, 1)).await?;
    let message = test.wait_until_not_ready(&issuer, "ParentRefused").await?;
    ensure!(
        message.contains("was denied: \"set by the test\""),
        "{message}"
    );
    ensure!(message.contains(&denied.name_any()), "{message}");
    let second = test.parent_request(&issuer, (1, 2), None).await?;
    // The one that failed before is of no use any more.
    test.wait_until_request_is_gone(&issuer, &denied.name_any())
        .await?;
    test.approve_in(NAMESPACE, &second.name_any()).await?;
    test.wait_until_ready(&issuer).await?;
    let csr = Csr::for_dns("shop.example")?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    let [root] = &issued.roots[..] else {
        anyhow::bail!("the bundle is {}", issued.roots_pem);
    };
    ensure!(root.subject().starts_with("CN=corp-root"));
    test.delete_issuer(&issuer).await?;
    test.wait_until_request_is_gone(&issuer, &second.name_any())
        .await
}

/// cert-manager signs once more for the same key, and the issuer signs under either certificate.
async fn a_ca_is_renewed_by_its_parent(test: &TestNamespace) -> Result<()> {
    ca_issuer(test, test.name(), "corp-root").await?;
    test.ca_requester().await?;
    let parent = json!({
        "name": "corp-root", "serviceAccountRef": { "name": ACCOUNT }, "duration": "1h",
    });
    let mut spec = below("shop-ca", &parent);
    spec["profile"] = json!({ "minDuration": "10s", "maxDuration": "1h" });
    let issuer = test.create_issuer(Issuer, "shop", spec).await?;
    test.approve_parent(&issuer, 1).await?;
    test.wait_until_ready(&issuer).await?;
    let csr = Csr::for_dns("before.example")?;
    let before = test
        .issue(&Ask::new(&issuer, &csr).duration("1m"), &csr)
        .await?;
    // It is due by the clock after six minutes; a person asks for it now.
    test.patch_issuer(&issuer, json!({ "rotation": { "requestID": "again" } }))
        .await?;
    let name = test.approve_parent(&issuer, 2).await?;
    let request = test.request(&name).await?;
    ensure!(request.spec.is_ca, "{request:?}");
    let holds = |found: &signet_api::Issuer| {
        let current = found.status.iter().find_map(|status| status.ca.first());
        current.is_some_and(|ca| {
            ca.generation == 2 && ca.role == Some(signet_api::GenerationRole::Current)
        })
    };
    let issuers = test.api::<signet_api::Issuer>();
    test.bed()
        .wait(&issuers, &issuer.name, "its second generation", holds)
        .await?;
    let csr = Csr::for_dns("after.example")?;
    let after = test
        .issue(&Ask::new(&issuer, &csr).duration("1m"), &csr)
        .await?;
    let key = |issued: &signet_e2e::Issued| -> Result<_> {
        issued.issuer()?.subject_key_identifier().context("an SKI")
    };
    ensure!(key(&before)? == key(&after)?, "the key stays");
    let subject = |issued: &signet_e2e::Issued| Ok::<_, anyhow::Error>(issued.issuer()?.subject());
    ensure!(subject(&before)? == subject(&after)?, "the subject stays");
    ensure!(
        before.issuer()?.der() != after.issuer()?.der(),
        "it is renewed"
    );
    ensure!(before.roots_pem == after.roots_pem, "the root stays");
    Ok(())
}
