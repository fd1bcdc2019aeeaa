//! What an issuer reports while its backend is unavailable. Other issuers are not affected.

use anyhow::{Context, Result, ensure};
use kube::{Api, Resource};
use signet_api::ClusterIssuer as Object;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::Csr;
use signet_e2e::keys::{self, Outage, Shared};
use signet_e2e::{Ask, IssuerRef, TestNamespace, ready};

shared![
    a_vault_outage_is_reported_once_and_ends,
    an_aws_kms_outage_is_reported_once_and_ends,
    a_pkcs11_outage_is_reported_once_and_ends,
    a_hung_backend_affects_only_its_own_issuers,
];

async fn a_vault_outage_is_reported_once_and_ends(test: &TestNamespace) -> Result<()> {
    reported_once(test, keys::vault().await?).await
}

async fn an_aws_kms_outage_is_reported_once_and_ends(test: &TestNamespace) -> Result<()> {
    reported_once(test, keys::kms().await?).await
}

async fn a_pkcs11_outage_is_reported_once_and_ends(test: &TestNamespace) -> Result<()> {
    reported_once(test, keys::token("unavailable").await?).await
}

async fn reported_once(test: &TestNamespace, key: Shared) -> Result<()> {
    const REASON: &str = "KeyUnreachable";
    let issuer = test
        .issuer_over(ClusterIssuer, "unavailable", &*key)
        .await?;
    keys::at(&key, |key| key.begin_outage(Outage::Gone)).await?;
    let message = test.wait_until_not_ready(&issuer, REASON).await?;
    ensure!(message.contains("tries again by itself"), "{message}");
    let operator = test
        .bed()
        .operator()
        .context("one runs on the shared bed")?;
    let series = format!(
        r#"signet_key_errors_total{{backend="{}",reason="{REASON}"}}"#,
        key.backend()
    );
    let errors = operator.metric(&series).await?;
    ensure!(errors >= Some(1.0), "{series} is {errors:?}");
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.pending(&request, "IssuerNotReady").await?;
    keys::at(&key, |key| key.bring_back()).await?;
    test.wait_until_ready(&issuer).await?;
    test.issued(&request, &csr).await?;

    let api: Api<Object> = Api::all(test.bed().client());
    let object = api.get(&issuer.name).await?;
    let events = test.bed().events(&object).await?;
    let about = events
        .iter()
        .filter(|event| event.reason.as_deref() == Some(REASON));
    let times: i32 = about
        .map(|event| {
            let series = event.series.as_ref().and_then(|series| series.count);
            series.or(event.count).unwrap_or(1)
        })
        .sum();
    ensure!(
        times == 1,
        "{:?} was reported {times} times",
        object.meta().name
    );
    Ok(())
}

/// Half-open connections, and a signature that does not return: the others go on meanwhile.
async fn a_hung_backend_affects_only_its_own_issuers(test: &TestNamespace) -> Result<()> {
    let hung = keys::one_of_each("hung").await?;
    let others = keys::one_of_each("steady").await?;
    let names = ["vault", "kms", "token"];
    let mut waiting = Vec::new();
    for (key, name) in hung.iter().zip(names) {
        let issuer = test.issuer_over(ClusterIssuer, name, &**key).await?;
        keys::at(key, |key| key.begin_outage(Outage::Hung)).await?;
        waiting.push(ask_five_times(test, &issuer).await?);
    }
    for (request, _) in waiting.iter().flatten() {
        // From then on it is in the operator's hands.
        test.wait_until_approved(request).await?;
    }
    let software = test.root().await?;
    test.obtain(&software).await?;
    for (key, name) in others
        .iter()
        .zip(["other-vault", "other-kms", "other-token"])
    {
        let issuer = test.issuer_over(ClusterIssuer, name, &**key).await?;
        test.obtain(&issuer).await?;
    }
    for (request, _) in waiting.iter().flatten() {
        let object = test.request(request).await?;
        let issued = ready(&object).is_some_and(|ready| ready.status == "True");
        ensure!(!issued, "{request} was issued by a backend that hangs");
    }
    for key in &hung {
        keys::at(key, |key| key.bring_back()).await?;
    }
    for (request, csr) in waiting.iter().flatten() {
        test.issued(request, csr).await?;
    }
    Ok(())
}

async fn ask_five_times(test: &TestNamespace, issuer: &IssuerRef) -> Result<Vec<(String, Csr)>> {
    let mut asked = Vec::new();
    for number in 0..5 {
        let csr = Csr::for_dns(&format!("{number}.example"))?;
        asked.push((test.ask(&Ask::new(issuer, &csr)).await?, csr));
    }
    Ok(asked)
}
