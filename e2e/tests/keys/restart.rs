//! The operator is killed and credentials are replaced while the backends are unavailable and many
//! requests wait.

use anyhow::{Result, ensure};
use jiff::Timestamp;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::audit::count_calls;
use signet_e2e::keys::{self, Outage, Shared};
use signet_e2e::{Burst, IssuerRef, OwnBed, TestNamespace, stop};
use signet_testbed::installation::Operator;
use signet_testbed::wait::{Observation, until};

use crate::outage::{BEFORE, COUNT, has_lasted, unready_since};

/// How many requests of each issuer there are when the operator is killed, and when another is
/// started.
const AT_THE_END: usize = 300;
const AT_THE_START: usize = 400;

/// All three backends at once, on the second control plane.
pub(crate) async fn killed_and_given_new_credentials_in_an_outage(bed: OwnBed) -> Result<()> {
    let operator = start(&bed).await?;
    let keys = keys::one_of_each("restart").await?;
    let mut tests = Vec::new();
    for key in &keys {
        let test = TestNamespace::create(bed.bed(), "restart").await?;
        let issuer = test.issuer_over(ClusterIssuer, "remote", &**key).await?;
        tests.push((test, issuer, key));
    }
    let mut bursts: Vec<_> = tests
        .iter()
        .map(|(test, issuer, _)| Burst::new(test, issuer))
        .collect();
    ask(&mut bursts, BEFORE).await?;
    for burst in &bursts {
        burst.watched().issued(BEFORE / 2).await?;
    }
    for (key, how) in keys.iter().zip([Outage::Gone, Outage::Hung, Outage::Gone]) {
        keys::at(key, move |key| key.begin_outage(how)).await?;
    }
    ask(&mut bursts, AT_THE_END - BEFORE).await?;
    wait(&bursts)?;
    operator.kill()?;
    ask(&mut bursts, AT_THE_START - AT_THE_END).await?;
    let operator = start(&bed).await?;
    let mut since = Timestamp::MIN;
    for (test, issuer, key) in &tests {
        since = since.max(unready_since(test, issuer).await?);
        reports_expiry(&operator, issuer).await?;
        replace_credential(test, issuer, key).await?;
    }
    ask(&mut bursts, COUNT - AT_THE_START).await?;
    for burst in &bursts {
        burst.watched().processed(COUNT).await?;
    }
    has_lasted(&bed, since).await?;
    wait(&bursts)?;
    for key in &keys {
        keys::at(key, |key| key.bring_back()).await?;
    }
    for (burst, (test, issuer, _)) in bursts.into_iter().zip(&tests) {
        burst.check(&["Issued", "Pending"]).await?;
        test.wait_until_ready(issuer).await?;
    }
    // Only with the new ones, from the start on.
    operator.kill()?;
    let operator = start(&bed).await?;
    for (test, issuer, _) in &tests {
        test.obtain(issuer).await?;
    }
    stop(operator).await
}

async fn ask(bursts: &mut [Burst<'_>], count: usize) -> Result<()> {
    let asked = bursts.iter_mut().map(|burst| burst.ask(count));
    futures::future::try_join_all(asked).await?;
    Ok(())
}

/// What is requested while the keys are unavailable waits.
fn wait(bursts: &[Burst<'_>]) -> Result<()> {
    for burst in bursts {
        let issued = burst.watched().count_issued();
        ensure!(issued <= BEFORE, "{issued} are issued");
    }
    Ok(())
}

/// A CA that expires while its backend is unavailable alerts, also by an operator that never reached
/// the backend.
async fn reports_expiry(operator: &Operator, issuer: &IssuerRef) -> Result<()> {
    let name = &issuer.name;
    let of = format!(r#"issuer_kind="ClusterIssuer",issuer_namespace="",issuer="{name}""#);
    let (ready, expiry) = (
        format!("signet_issuer_ready{{{of}}}"),
        format!("signet_ca_expiry_timestamp_seconds{{{of}}}"),
    );
    let reported = async || {
        let found = (
            operator.metric(&ready).await?,
            operator.metric(&expiry).await?,
        );
        Ok(match found {
            (Some(0.0), Some(at)) if at > 0.0 => Observation::Reached(()),
            found => Observation::Progress(format!("{found:?}")),
        })
    };
    until(format!("the expiry of {name} in the metrics"), reported).await
}

/// The old one is gone before the new one is in its Secret.
async fn replace_credential(test: &TestNamespace, issuer: &IssuerRef, key: &Shared) -> Result<()> {
    keys::at(key, |key| key.replace_credential()).await?;
    test.put_credential(issuer, &**key).await
}

/// A token locks itself after a few wrong PINs, so an operator does not try a PIN again that it
/// refused until its Secret changes.
pub(crate) async fn a_refused_pin_is_tried_once_by_each_process(bed: OwnBed) -> Result<()> {
    let operator = start(&bed).await?;
    let test = TestNamespace::create(bed.bed(), "refused").await?;
    let key = keys::token("pin").await?;
    let issuer = test.issuer_ref(ClusterIssuer, "remote");
    let secret = keys::modules::pin_secret("pin");
    test.put_cluster_secret(&secret, serde_json::json!({ "pin": "wrong-pin" }))
        .await?;
    let spec = test.spec_over(&issuer, &*key, serde_json::json!({ "selfSigned": {} }));
    let issuer = test.create_issuer(ClusterIssuer, "remote", spec).await?;
    let message = test
        .wait_until_not_ready(&issuer, "KeyCredentialsRefused")
        .await?;
    ensure!(!message.contains("wrong-pin"), "{message}");
    let tried = key.hsm().logins();
    ensure!(tried == 1, "it was tried {tried} times");
    reads_again(&bed, &secret, 2).await?;
    operator.kill()?;
    let operator = start(&bed).await?;
    reads_again(&bed, &secret, 3).await?;
    let tried = key.hsm().logins();
    ensure!(tried == 2, "it was tried {tried} times");

    test.put_credential(&issuer, &*key).await?;
    test.wait_until_ready(&issuer).await?;
    test.obtain(&issuer).await?;
    stop(operator).await
}

/// Waits until the operator has read a Secret so many times more.
async fn reads_again(bed: &OwnBed, secret: &str, times: usize) -> Result<()> {
    let reads = || {
        count_calls(bed, |call| {
            call.verb == "get" && call.object_ref.as_ref().is_some_and(|it| it.name == secret)
        })
    };
    let enough = reads()? + times;
    let observe = async || {
        let reads = reads()?;
        Ok(Observation::reached_if(reads >= enough, reads))
    };
    until(format!("{enough} reads of {secret}"), observe).await
}

async fn start(bed: &OwnBed) -> Result<Operator> {
    let flags = keys::modules::flags()?;
    let mut flags: Vec<_> = flags.iter().map(String::as_str).collect();
    // So that the next one takes over soon after one is killed.
    flags.extend(["--leader-election-lease-duration", "4s"]);
    bed.start_operator(&flags).await
}
