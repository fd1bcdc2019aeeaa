//! The operator's flags bound what is asked of a key, and metrics show who waits.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::keys::{self, VaultKey};
use signet_e2e::{Bed, IssuerRef, TestNamespace};
use signet_testbed::installation::Operator;
use signet_testbed::proxy::{Fault, Requests};
use tokio::time::{Instant, sleep};

use crate::burst::Burst;

const DEADLINE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Requests of each issuer.
const COUNT: u32 = 20;
/// What the flags allow at once and in a second, and what an issuer's own limit does.
const MAX_IN_FLIGHT: u32 = 2;
const RATE: u32 = 5;
const OWN_RATE: u32 = 4;
/// How long one key takes for a signature: longer than the rate would have it wait.
const LATENCY: Duration = Duration::from_millis(500);

/// An issuer over a key of its own, in a namespace of its own.
struct Bound {
    test: TestNamespace,
    issuer: IssuerRef,
    /// The least time in which its requests can be issued if the limit holds. A machine that is
    /// slow takes longer still.
    least: Duration,
}

impl Bound {
    async fn new(
        bed: &'static Bed,
        key: &VaultKey,
        limits: Value,
        least: Duration,
    ) -> Result<Self> {
        let test = TestNamespace::create(bed, "limits").await?;
        let issuer = test.issuer_ref(ClusterIssuer, "bound");
        test.put_credential(&issuer, key).await?;
        let mut spec = test.spec_over(&issuer, key, json!({ "selfSigned": {} }));
        spec["keyLimits"] = limits;
        let issuer = test.issuer(ClusterIssuer, "bound", spec).await?;
        Ok(Self {
            test,
            issuer,
            least,
        })
    }

    async fn holds(&self) -> Result<()> {
        let mut burst = Burst::new(&self.test, &self.issuer);
        let begin = std::time::Instant::now();
        burst.ask(0..COUNT.try_into()?).await?;
        let took = burst.all_issued().await?.duration_since(begin);
        ensure!(took >= self.least, "all were issued in {took:?}");
        burst.check().await
    }
}

pub(crate) async fn flags_bound_every_issuer_and_metrics_show_who_waits() -> Result<()> {
    let bed = Bed::own().await?;
    let (in_flight, rate) = (MAX_IN_FLIGHT.to_string(), RATE.to_string());
    let flags = [
        "--max-signatures-in-flight",
        &in_flight,
        "--max-signatures-per-second",
        &rate,
    ];
    let operator = bed.start_operator(&flags).await?;
    let slow = keys::vault().await?;
    slow.proxy()
        .add(Requests::Path("/sign/".to_owned()), Fault::Latency(LATENCY));
    let seconds = |rate| Duration::from_secs((COUNT - 1).into()) / rate;
    let much = json!({ "maxInFlight": 64, "signaturesPerSecond": 1000 });
    let own = json!({ "signaturesPerSecond": OWN_RATE });
    let bound = [
        (slow, much.clone(), LATENCY * (COUNT / MAX_IN_FLIGHT)),
        (keys::vault().await?, much, seconds(RATE)),
        (keys::vault().await?, own, seconds(OWN_RATE)),
    ];
    let made = bound.map(async |(key, limits, least): (Arc<VaultKey>, _, _)| {
        Bound::new(bed.bed(), &key, limits, least)
            .await
            .map(|it| (it, key))
    });
    let made = futures::future::try_join_all(made).await?;
    let all = futures::future::try_join_all(made.iter().map(|(bound, _)| bound.holds()));
    let (first, _key) = &made[0];
    futures::try_join!(all, somebody_waits(&operator, &first.issuer))?;
    let waited = operator.metric(r#"signet_key_queue_seconds_count{backend="vaultTransit"}"#);
    let waited = waited.await?.context("the waiting time is a metric")?;
    ensure!(waited >= f64::from(3 * COUNT), "{waited} were counted");
    operator.stop().await?;
    Ok(())
}

/// Waits until the metrics tell of requests in the queue of this issuer.
async fn somebody_waits(operator: &Operator, issuer: &IssuerRef) -> Result<()> {
    let series = format!(
        r#"signet_key_queue_length{{issuer_kind="ClusterIssuer",issuer_namespace="",issuer="{}"}}"#,
        issuer.name
    );
    let deadline = Instant::now() + DEADLINE;
    while operator.metric(&series).await?.unwrap_or_default() < 1.0 {
        ensure!(Instant::now() < deadline, "nobody waits for {series}");
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}
