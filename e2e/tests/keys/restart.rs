//! The operator is killed and credentials are replaced while the backends are away and many
//! requests wait.

use anyhow::{Context, Result, ensure};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::audit::calls_of_signet;
use signet_e2e::keys::{self, Away, Shared};
use signet_e2e::{Bed, IssuerRef, OwnBed, TestNamespace};
use signet_installation::Operator;
use tokio::time::{Duration, Instant, sleep, sleep_until};

use crate::burst::{BEFORE, Burst, COUNT, OUTAGE};

const DEADLINE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How many requests of each issuer there are when the operator is killed, and when another is
/// started.
const AT_THE_END: usize = 300;
const AT_THE_START: usize = 400;

/// All three backends at once, on the second control plane.
pub(crate) async fn killed_and_given_new_credentials_in_an_outage() -> Result<()> {
    let bed = Bed::own().await?;
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
    ask(&mut bursts, 0..BEFORE).await?;
    for burst in &bursts {
        burst.issued(BEFORE / 2).await?;
    }
    for (key, how) in keys.iter().zip([Away::Gone, Away::Hung, Away::Gone]) {
        keys::at(key, move |key| key.take_away(how)).await?;
    }
    let back = Instant::now() + OUTAGE;
    ask(&mut bursts, BEFORE..AT_THE_END).await?;
    wait(&bursts)?;
    operator.kill()?;
    ask(&mut bursts, AT_THE_END..AT_THE_START).await?;
    let operator = start(&bed).await?;
    for (test, issuer, key) in &tests {
        replace_credential(test, issuer, key).await?;
    }
    ask(&mut bursts, AT_THE_START..COUNT).await?;
    sleep_until(back).await;
    wait(&bursts)?;
    for key in &keys {
        keys::at(key, |key| key.bring_back()).await?;
    }
    for (burst, (test, issuer, _)) in bursts.into_iter().zip(&tests) {
        burst.check().await?;
        test.wait_until_ready(issuer).await?;
    }
    // With the new ones alone, from the start on.
    operator.kill()?;
    let operator = start(&bed).await?;
    for (test, issuer, _) in &tests {
        test.obtain(issuer).await?;
    }
    stop(operator).await
}

async fn ask(bursts: &mut [Burst<'_>], numbers: std::ops::Range<usize>) -> Result<()> {
    let asked = bursts.iter_mut().map(|burst| burst.ask(numbers.clone()));
    futures::future::try_join_all(asked).await?;
    Ok(())
}

/// What is asked for while the keys are away waits.
fn wait(bursts: &[Burst<'_>]) -> Result<()> {
    for burst in bursts {
        let issued = burst.count_issued();
        ensure!(issued <= BEFORE, "{issued} are issued");
    }
    Ok(())
}

/// The old one is gone before the new one is in its Secret.
async fn replace_credential(test: &TestNamespace, issuer: &IssuerRef, key: &Shared) -> Result<()> {
    keys::at(key, |key| key.replace_credential()).await?;
    test.put_credential(issuer, &**key).await
}

/// A token locks itself after a few wrong PINs, so a PIN that it refused is not tried again, not
/// even by the next operator, until its Secret changes.
pub(crate) async fn a_refused_pin_is_not_tried_again() -> Result<()> {
    let bed = Bed::own().await?;
    let operator = start(&bed).await?;
    let test = TestNamespace::create(bed.bed(), "refused").await?;
    let key = keys::token("pin").await?;
    let issuer = test.issuer_ref(ClusterIssuer, "remote");
    let secret = keys::modules::pin_secret("pin");
    test.put_cluster_secret(&secret, serde_json::json!({ "pin": "wrong-pin" }))
        .await?;
    let spec = test.spec_over(&issuer, &*key, serde_json::json!({ "selfSigned": {} }));
    let issuer = test.create_issuer(ClusterIssuer, "remote", spec).await?;
    let sentence = test
        .wait_until_not_ready(&issuer, "KeyCredentialsRefused")
        .await?;
    ensure!(!sentence.contains("wrong-pin"), "{sentence}");
    let tried = key.hsm().logins();
    ensure!(tried == 1, "it was tried {tried} times");
    looked_at_again(&bed, &secret, 2).await?;
    operator.kill()?;
    let operator = start(&bed).await?;
    looked_at_again(&bed, &secret, 2).await?;
    let tried = key.hsm().logins();
    ensure!(tried == 1, "it was tried {tried} times");

    test.put_credential(&issuer, &*key).await?;
    test.wait_until_ready(&issuer).await?;
    test.obtain(&issuer).await?;
    stop(operator).await
}

/// Waits until the operator has read a Secret so many times more.
async fn looked_at_again(bed: &OwnBed, secret: &str, times: usize) -> Result<()> {
    let count = || -> Result<usize> {
        let calls = calls_of_signet(bed)?;
        let reads = calls.iter().filter(|call| {
            call.verb == "get" && call.object_ref.as_ref().is_some_and(|it| it.name == secret)
        });
        Ok(reads.count())
    };
    let enough = count()? + times;
    let deadline = Instant::now() + DEADLINE;
    while count()? < enough {
        ensure!(Instant::now() < deadline, "nobody reads {secret}");
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

async fn start(bed: &OwnBed) -> Result<Operator> {
    let flags = keys::modules::flags()?;
    let mut flags: Vec<_> = flags.iter().map(String::as_str).collect();
    // So that the next one takes over soon after one is killed.
    flags.extend(["--lease-seconds", "4"]);
    bed.start_operator(&flags).await
}

async fn stop(operator: Operator) -> Result<()> {
    let status = operator.stop().await.context("it does not stop")?;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}
