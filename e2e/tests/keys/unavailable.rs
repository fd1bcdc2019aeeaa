//! What an issuer reports while its backend is unavailable. Other issuers are not affected.

use anyhow::{Context, Result, ensure};
use kube::Api;
use signet_api::ClusterIssuer as Object;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::Csr;
use signet_e2e::keys::{self, Outage, Shared};
use signet_e2e::{Ask, IssuerRef, TestNamespace, ready};
use signet_testbed::wait::{Observation, until};

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

const REASON: &str = "KeyUnreachable";

/// On a slow machine, calls may fail before and after the outage, which is reported too. During the
/// outage, one report is enough, however often the key is tried.
async fn reported_once(test: &TestNamespace, key: Shared) -> Result<()> {
    let issuer = test
        .issuer_over(ClusterIssuer, "unavailable", &*key)
        .await?;
    keys::at(&key, |key| key.begin_outage(Outage::Gone)).await?;
    let message = test.wait_until_not_ready(&issuer, REASON).await?;
    ensure!(message.contains("tries again by itself"), "{message}");
    let first = async || match reports(test, &issuer).await? {
        0 => Ok(Observation::Progress("no event")),
        times => Ok(Observation::Reached(times)),
    };
    let first = until(format!("an event {REASON}"), first).await?;
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.pending(&request, "IssuerNotReady").await?;
    tried_again(test, key.backend()).await?;
    let again = reports(test, &issuer).await?;
    ensure!(
        again == first,
        "it was reported {first} times, then {again}"
    );
    keys::at(&key, |key| key.bring_back()).await?;
    test.wait_until_ready(&issuer).await?;
    test.issued(&request, &csr).await?;
    Ok(())
}

/// Returns how often an event reported that the key is not reachable.
async fn reports(test: &TestNamespace, issuer: &IssuerRef) -> Result<i32> {
    let api: Api<Object> = Api::all(test.bed().client());
    let events = test.bed().events(&api.get(&issuer.name).await?).await?;
    let about = events
        .iter()
        .filter(|event| event.reason.as_deref() == Some(REASON));
    let times = about.map(|event| {
        let series = event.series.as_ref().and_then(|series| series.count);
        series.or(event.count).unwrap_or(1)
    });
    Ok(times.sum())
}

async fn tried_again(test: &TestNamespace, backend: &str) -> Result<()> {
    let operator = test.bed().operator();
    let operator = operator.context("one runs on the shared bed")?;
    let series = format!(r#"signet_key_errors_total{{backend="{backend}",reason="{REASON}"}}"#);
    let errors = operator.metric(&series).await?;
    let errors = errors.with_context(|| format!("no {series}"))?;
    let more = async || {
        let now = operator.metric(&series).await?.unwrap_or_default();
        Ok(Observation::reached_if(now >= errors + 3.0, now))
    };
    until(format!("three more of {series}"), more).await
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
