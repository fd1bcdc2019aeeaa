//! A tenant's request is made by a ServiceAccount of their namespace, which needs both Roles.

use anyhow::{Context, Result, ensure};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use serde_json::json;
use sha2::{Digest, Sha256};
use signet_api::CAGeneration;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::csr::Csr;
use signet_e2e::parents::{ACCOUNT, REQUESTS};
use signet_e2e::{Ask, IssuerRef, TestNamespace};

use super::below;

shared![
    messages_name_the_roles_that_are_missing,
    a_request_of_someone_else_under_its_name_is_not_adopted,
    an_issuer_needs_a_service_account_and_a_cluster_issuer_has_none,
];

/// An Issuer whose parent does nothing, and whose ServiceAccount does not exist yet.
async fn below_the_double(test: &TestNamespace) -> Result<IssuerRef> {
    let parent = json!({
        "name": "double", "kind": "Double", "group": "double.e2e.signet.dev",
        "serviceAccountRef": { "name": ACCOUNT },
    });
    let spec = below("shop-ca", &parent);
    Ok(test.create_issuer(Issuer, "shop", spec).await?)
}

async fn messages_name_the_roles_that_are_missing(test: &TestNamespace) -> Result<()> {
    let issuer = below_the_double(test).await?;
    let message = async |part: &str| {
        let holds =
            |ready: &Condition| ready.reason == "WaitingForParent" && ready.message.contains(part);
        test.wait_for_issuer(&issuer, part, holds).await
    };
    // The one that lets Signet make tokens of the account.
    message("serviceaccounts/token with a Role").await?;
    let tenant = test.service_account(ACCOUNT, &[]).await?;
    test.lets_signet_make_tokens_of(ACCOUNT).await?;
    // The one that lets the account make requests.
    message("create, get and delete certificaterequests.cert-manager.io with a Role").await?;
    test.grant(&tenant, "requests", &[REQUESTS]).await?;
    let request = test.parent_request(&issuer, (1, 1), None).await?;
    let username = tenant.username();
    ensure!(request.spec.username == username, "{request:?}");
    Ok(())
}

/// The account has no Roles at first, so that the name of the request is known before it exists.
async fn a_request_of_someone_else_under_its_name_is_not_adopted(
    test: &TestNamespace,
) -> Result<()> {
    let issuer = below_the_double(test).await?;
    let generations = test.api::<CAGeneration>();
    let has_csr = |one: &CAGeneration| one.spec.csr.is_some();
    let generation = test
        .bed()
        .wait(&generations, "issuer-shop-1", "with a CSR", has_csr)
        .await?;
    let csr = generation.spec.csr.context("it has a CSR")?;
    let taken = format!("issuer-shop-1-1-{}", &sha256(&csr)?[..10]);
    let other = Csr::for_dns("other.example")?;
    let ask = Ask::new(&issuer, &other).metadata("name", json!(taken));
    test.ask(&ask).await?;
    test.ca_requester().await?;
    let own = test.parent_request(&issuer, (1, 2), None).await?;
    let holds = |ready: &Condition| {
        ready.message.contains(&own.name_any())
            && ready.message.contains(&taken)
            && ready.message.contains("is not Signet's")
    };
    test.wait_for_issuer(&issuer, "a report of the other one", holds)
        .await?;
    test.request(&taken).await?;
    Ok(())
}

fn sha256(pem: &str) -> Result<String> {
    let (_, der) = der::pem::decode_vec(pem.as_bytes())?;
    Ok(hex::encode(Sha256::digest(der)))
}

async fn an_issuer_needs_a_service_account_and_a_cluster_issuer_has_none(
    test: &TestNamespace,
) -> Result<()> {
    let spec = below("ca", &json!({ "name": "root" }));
    let refused = test.create_issuer(Issuer, "shop", spec).await;
    let message = refused.err().context("it is refused")?.to_string();
    ensure!(message.contains("requires serviceAccountRef"), "{message}");
    let parent = json!({ "name": "root", "serviceAccountRef": { "name": ACCOUNT } });
    let spec = below(&test.unique("ca"), &parent);
    let refused = test.create_issuer(ClusterIssuer, "corp", spec).await;
    let message = refused.err().context("it is refused")?.to_string();
    ensure!(message.contains("is for Issuers"), "{message}");
    Ok(())
}
