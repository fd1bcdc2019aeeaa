//! A key that another one takes the place of, and a CA that is put back after its issuer was lost.

use anyhow::{Context, Result, ensure};
use kube::Api;
use serde_json::json;
use signet_api::CAGeneration;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::Csr;
use signet_e2e::keys::{self, MOUNT, ministack, openbao};
use signet_e2e::runtime::blocking;
use signet_e2e::{Ask, IssuerRef, TestNamespace};
use signet_testbed::proxy::{Fault, Requests};
use signet_testbed::wait::{Observation, until};

shared![
    vault_deletes_the_key_and_makes_another,
    vault_rotates_the_key_and_the_ca_keeps_its_version,
    aws_kms_points_the_alias_to_another_key,
    pkcs11_gives_the_label_to_another_key,
];

async fn vault_deletes_the_key_and_makes_another(test: &TestNamespace) -> Result<()> {
    let key = keys::vault().await?;
    let issuer = test.issuer_over(ClusterIssuer, "deleted", &*key).await?;
    test.obtain(&issuer).await?;
    // No read of the key shows what happened before a signature does.
    let reads = Requests::Path(format!("/{MOUNT}/keys/"));
    key.proxy().add(reads, Fault::Silence);
    let name = key.name().to_owned();
    blocking(move || {
        openbao()?.delete_key(MOUNT, &name)?;
        openbao()?.make_key(MOUNT, &name, "ecdsa-p256")
    })
    .await?;
    let signatures = Requests::Path(format!("/{MOUNT}/sign/"));
    let before = key.proxy().count(&signatures);
    let request = ask(test, &issuer).await?;
    until("a signature by the other key", async || {
        let count = key.proxy().count(&signatures);
        Ok(Observation::reached_if(count > before, count))
    })
    .await?;
    waits(test, &request).await?;
    key.proxy().clear();
    nothing_is_issued(test, &issuer).await?;
    waits(test, &request).await
}

/// And it does so again after the issuer was deleted and applied once more: a restore.
async fn vault_rotates_the_key_and_the_ca_keeps_its_version(test: &TestNamespace) -> Result<()> {
    const NOTICE: &str = "Vault has version 2 of the key; this CA keeps signing with version 1";
    let key = keys::vault().await?;
    let issuer = test.issuer_over(ClusterIssuer, "rotated", &*key).await?;
    let before = test.obtain(&issuer).await?;
    let generation = generation_of(test, &issuer).await?;
    ensure!(
        generation.spec.key.pin.as_deref() == Some("1"),
        "{:?}",
        generation.spec.key.pin
    );
    let name = key.name().to_owned();
    blocking(move || openbao()?.rotate_key(MOUNT, &name)).await?;
    ready_with_notice(test, &issuer, NOTICE).await?;
    same_ca(test, &issuer, &before).await?;

    test.delete_issuer(&issuer).await?;
    let spec = test.spec_over(&issuer, &*key, json!({ "selfSigned": {} }));
    let issuer = test.create_issuer(ClusterIssuer, "rotated", spec).await?;
    ready_with_notice(test, &issuer, NOTICE).await?;
    same_ca(test, &issuer, &before).await?;
    let restored = generation_of(test, &issuer).await?;
    ensure!(
        restored.metadata.uid == generation.metadata.uid,
        "no other was made"
    );
    Ok(())
}

async fn aws_kms_points_the_alias_to_another_key(test: &TestNamespace) -> Result<()> {
    let key = keys::kms().await?;
    let alias = format!("alias/{}", key.user());
    let (id, named) = (key.id().to_owned(), alias.clone());
    blocking(move || ministack()?.make_alias(&named, &id)).await?;
    let issuer = test.issuer_ref(ClusterIssuer, "alias");
    test.put_credential(&issuer, &*key).await?;
    let mut spec = test.spec_over(&issuer, &*key, json!({ "selfSigned": {} }));
    spec["key"]["awsKms"]["keyId"] = json!(alias);
    // By another's name a user needs the right to look at every key.
    let user = key.user().to_owned();
    blocking(move || ministack()?.put_user_policy(&user, &keys::KmsKey::policy_for("*"))).await?;
    let issuer = test
        .issuer(ClusterIssuer, "alias", spec)
        .await
        .map(|_| issuer)?;
    let before = test.obtain(&issuer).await?;
    let named = alias.clone();
    blocking(move || {
        let other = ministack()?.make_key("ECC_NIST_P256")?;
        ministack()?.point_alias(&named, &other)
    })
    .await?;
    ready_with_notice(test, &issuer, "this CA keeps signing with").await?;
    same_ca(test, &issuer, &before).await
}

async fn pkcs11_gives_the_label_to_another_key(test: &TestNamespace) -> Result<()> {
    let key = keys::token("changed").await?;
    let issuer = test.issuer_over(ClusterIssuer, "label", &*key).await?;
    let other = key.clone();
    blocking(move || {
        let (hsm, token, pin) = (other.hsm(), other.token(), other.pin());
        hsm.make_key(token, &pin, "EC:prime256v1", "other", "02")?;
        hsm.relabel(token, &pin, other.label(), "before")?;
        hsm.relabel(token, &pin, "other", other.label())
    })
    .await?;
    nothing_is_issued(test, &issuer).await
}

/// The issuer reports why, and requests wait.
async fn nothing_is_issued(test: &TestNamespace, issuer: &IssuerRef) -> Result<()> {
    let message = test.wait_until_not_ready(issuer, "KeyMismatch").await?;
    ensure!(message.contains("does not match the key"), "{message}");
    let request = ask(test, issuer).await?;
    waits(test, &request).await
}

async fn ask(test: &TestNamespace, issuer: &IssuerRef) -> Result<String> {
    let csr = Csr::for_dns("shop.example")?;
    test.ask(&Ask::new(issuer, &csr)).await
}

async fn waits(test: &TestNamespace, request: &str) -> Result<()> {
    let status = test.pending(request, "IssuerNotReady").await?;
    ensure!(
        status.certificate.is_none(),
        "it was issued under another key"
    );
    Ok(())
}

async fn ready_with_notice(test: &TestNamespace, issuer: &IssuerRef, notice: &str) -> Result<()> {
    test.wait_for_issuer(issuer, notice, |ready| {
        ready.status == "True" && ready.message.contains(notice)
    })
    .await?;
    Ok(())
}

async fn same_ca(
    test: &TestNamespace,
    issuer: &IssuerRef,
    before: &signet_e2e::Issued,
) -> Result<()> {
    let now = test.obtain(issuer).await?;
    ensure!(
        now.issuer()?.der() == before.issuer()?.der(),
        "it is another CA"
    );
    Ok(())
}

async fn generation_of(test: &TestNamespace, issuer: &IssuerRef) -> Result<CAGeneration> {
    let api: Api<CAGeneration> = test.cluster_resources();
    let all = api.list(&Default::default()).await?;
    let mut own = all
        .items
        .into_iter()
        .filter(|it| it.spec.issuer_ref.name == issuer.name);
    let first = own.next().context("it has a generation")?;
    ensure!(own.next().is_none(), "it has one generation");
    Ok(first)
}
