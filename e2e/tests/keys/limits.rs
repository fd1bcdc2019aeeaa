//! The operator's flags bound what is asked of a key, and metrics show who waits.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;
use serde_json::{Value, json};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::keys::{self, VaultKey};
use signet_e2e::{Bed, Burst, IssuerRef, OwnBed, TestNamespace};
use signet_testbed::installation::Operator;
use signet_testbed::proxy::{Fault, Requests};
use signet_testbed::wait::{Observation, until};

/// Requests of each issuer, at least.
const COUNT: u32 = 30;
/// How many signatures the flags allow in flight and per second, and an issuer's own limit.
const MAX_IN_FLIGHT: u32 = 2;
const RATE: u32 = 5;
const OWN_RATE: u32 = 4;
/// How long one key takes for a signature: longer than the rate makes it wait.
const LATENCY: Duration = Duration::from_millis(500);
/// And until requests have been seen in its queue: longer than cert-manager takes to approve the
/// next one.
const LONG_LATENCY: Duration = Duration::from_secs(2);

/// The least time in which so many requests can be issued if a limit holds.
type Least = fn(u32) -> Duration;

/// An issuer over a key of its own, in a namespace of its own.
struct Bound {
    test: TestNamespace,
    issuer: IssuerRef,
    key: Arc<VaultKey>,
    least: Least,
}

impl Bound {
    async fn new(bed: &'static Bed, limits: Value, least: Least) -> Result<Self> {
        let test = TestNamespace::create(bed, "limits").await?;
        let key = keys::vault().await?;
        let issuer = test.issuer_ref(ClusterIssuer, "bound");
        test.put_credential(&issuer, &*key).await?;
        let mut spec = test.spec_over(&issuer, &*key, json!({ "selfSigned": {} }));
        spec["keyLimits"] = limits;
        let issuer = test.issuer(ClusterIssuer, "bound", spec).await?;
        Ok(Self {
            test,
            issuer,
            key,
            least,
        })
    }

    /// Whether the limit holds for requests that are created at least until `event` has happened.
    async fn holds(&self, event: impl Future<Output = Result<()>>) -> Result<()> {
        let mut burst = Burst::new(&self.test, &self.issuer);
        burst.ask(COUNT.try_into()?).await?;
        burst.ask_until(event).await?;
        burst.all_issued().await?;
        let least = SignedDuration::try_from((self.least)(burst.count().try_into()?))?;
        let took = burst.watched().took()?;
        // Both ends are given in whole seconds.
        ensure!(
            took + SignedDuration::from_secs(1) > least,
            "{} were issued in {took:#}, and not in {least:#}",
            burst.count()
        );
        burst.check(&["Issued", "Pending"]).await
    }

    fn check_length(&self, latency: Duration) {
        let proxy = self.key.proxy();
        proxy.clear();
        proxy.add(Requests::Path("/sign/".to_owned()), Fault::Latency(latency));
    }
}

pub(crate) async fn flags_bound_every_issuer_and_metrics_show_who_waits(bed: OwnBed) -> Result<()> {
    let (in_flight, rate) = (MAX_IN_FLIGHT.to_string(), RATE.to_string());
    let flags = [
        "--max-signatures-in-flight",
        &in_flight,
        "--max-signatures-per-second",
        &rate,
    ];
    let operator = bed.start_operator(&flags).await?;
    let much = json!({ "maxInFlight": 64, "signaturesPerSecond": 1000 });
    let own = json!({ "signaturesPerSecond": OWN_RATE });
    let by_latency: Least = |count| LATENCY * (count / MAX_IN_FLIGHT);
    let by_rate: Least = |count| Duration::from_secs((count - 1).into()) / RATE;
    let by_own_rate: Least = |count| Duration::from_secs((count - 1).into()) / OWN_RATE;
    let (slow, at_rate, at_own_rate) = futures::try_join!(
        Bound::new(bed.bed(), much.clone(), by_latency),
        Bound::new(bed.bed(), much, by_rate),
        Bound::new(bed.bed(), own, by_own_rate),
    )?;
    slow.check_length(LONG_LATENCY);
    let seen_in_queue = async {
        requests_wait(&operator, &slow.issuer).await?;
        slow.check_length(LATENCY);
        Ok(())
    };
    futures::try_join!(
        slow.holds(seen_in_queue),
        at_rate.holds(async { Ok(()) }),
        at_own_rate.holds(async { Ok(()) }),
    )?;
    let waited = operator.metric(r#"signet_key_queue_seconds_count{backend="vaultTransit"}"#);
    let waited = waited.await?.context("the waiting time is a metric")?;
    ensure!(waited >= f64::from(3 * COUNT), "{waited} were counted");
    operator.stop().await?;
    Ok(())
}

/// Waits until the metrics show requests in the queue of this issuer.
async fn requests_wait(operator: &Operator, issuer: &IssuerRef) -> Result<()> {
    let series = format!(
        r#"signet_key_queue_length{{issuer_kind="ClusterIssuer",issuer_namespace="",issuer="{}"}}"#,
        issuer.name
    );
    let observe = async || {
        let length = operator.metric(&series).await?.unwrap_or_default();
        Ok(Observation::reached_if(length >= 1.0, length))
    };
    until(format!("{series} of 1 or more"), observe).await
}
