//! A backend that is unavailable for half a minute in the middle of many requests.

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::keys::{self, Outage, Shared};
use signet_e2e::{Bed, Burst, IssuerRef, TestNamespace, ready_condition};
use signet_testbed::installation::NAMESPACE;
use signet_testbed::wait::{Observation, until};

shared![
    vault_is_unavailable_for_30_s_in_500_requests,
    aws_kms_is_unavailable_for_30_s_in_500_requests,
    pkcs11_is_unavailable_for_30_s_in_500_requests,
];

/// How many requests there are, and how many of them are created before the outage.
pub(crate) const COUNT: usize = 500;
pub(crate) const BEFORE: usize = 150;
/// How long the backend is unavailable, during which no request may fail.
const OUTAGE: SignedDuration = SignedDuration::from_secs(30);

async fn vault_is_unavailable_for_30_s_in_500_requests(test: &TestNamespace) -> Result<()> {
    outage(test, keys::vault().await?, Outage::Gone).await
}

/// Half open: connections are accepted, and nothing comes back.
async fn aws_kms_is_unavailable_for_30_s_in_500_requests(test: &TestNamespace) -> Result<()> {
    outage(test, keys::kms().await?, Outage::Hung).await
}

async fn pkcs11_is_unavailable_for_30_s_in_500_requests(test: &TestNamespace) -> Result<()> {
    outage(test, keys::token("outage").await?, Outage::Gone).await
}

async fn outage(test: &TestNamespace, key: Shared, how: Outage) -> Result<()> {
    let issuer = test.issuer_over(ClusterIssuer, "outage", &*key).await?;
    let mut burst = Burst::new(test, &issuer);
    burst.ask(BEFORE).await?;
    burst.watched().issued(BEFORE / 2).await?;
    keys::at(&key, move |key| key.begin_outage(how)).await?;
    burst.ask(COUNT - BEFORE).await?;
    let since = unready_since(test, &issuer).await?;
    burst.watched().processed(COUNT).await?;
    has_lasted(test.bed(), since).await?;
    let issued = burst.watched().count_issued();
    ensure!(issued <= BEFORE, "{issued} are issued in the outage");
    keys::at(&key, |key| key.bring_back()).await?;
    burst.check(&["Issued", "Pending"]).await
}

/// When an issuer whose backend is unavailable became unready, which is waited for.
pub(crate) async fn unready_since(test: &TestNamespace, issuer: &IssuerRef) -> Result<Timestamp> {
    let unready = test.wait_for_issuer(issuer, "not ready", |ready| ready.status == "False");
    let unready = unready.await?;
    let ready = ready_condition(&unready).context("it has a Ready condition")?;
    Ok(ready.last_transition_time.0)
}

/// Waits until the outage has lasted long enough by the Lease, which the operator renews: time in
/// which the operator did not run does not count.
pub(crate) async fn has_lasted(bed: &Bed, since: Timestamp) -> Result<()> {
    let leases: Api<Lease> = Api::namespaced(bed.client(), NAMESPACE);
    let end = since + OUTAGE;
    let observe = async || {
        let lease = leases.get("signet").await?;
        let renewed = lease.spec.and_then(|spec| spec.renew_time);
        let renewed = renewed.map_or(Timestamp::MIN, |time| time.0);
        Ok(Observation::reached_if(renewed >= end, renewed))
    };
    until(format!("an outage until {end}"), observe).await
}
