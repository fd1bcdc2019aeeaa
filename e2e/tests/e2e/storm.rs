//! Servers are killed at random while requests of every API are in flight: the operator, one of two
//! replicas, the API server, etcd.

use anyhow::{Result, ensure};
use signet_e2e::storm::{Storm, random};
use signet_e2e::{OwnBed, TestNamespace, stop};
use signet_testbed::installation::{Operator, OperatorOptions};
use signet_testbed::say;
use signet_testbed::wait::{Observation, until};

/// So that another process soon takes over from one that was killed.
const SHORT_LEASE: [&str; 2] = ["--leader-election-lease-duration", "3s"];
/// The most lines at WARN and ERROR about one restart of the API server or of etcd.
const HANDFUL: usize = 25;

/// The requests, and how often something is killed.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    requests: usize,
    kills: usize,
    restarts: usize,
}

const SHORT: Sizes = Sizes {
    requests: 90,
    kills: 3,
    restarts: 1,
};
const LONG: Sizes = Sizes {
    requests: 500,
    kills: 20,
    restarts: 5,
};

/// The long form is a command of its own.
fn sizes() -> Sizes {
    match is_long() {
        true => LONG,
        false => SHORT,
    }
}

pub(crate) fn is_long() -> bool {
    std::env::var_os("SIGNET_STORM").is_some()
}

pub(crate) async fn the_operator_is_killed(bed: OwnBed) -> Result<()> {
    let sizes = sizes();
    let mut operator = bed.start_operator(&SHORT_LEASE).await?;
    let test = TestNamespace::create(bed.bed(), "storm").await?;
    let storm = Storm::prepare(&test).await?;
    let options = bed.operator_options(&SHORT_LEASE);
    let killed = async {
        for kill in 0..sizes.kills {
            storm
                .some_more_issued(sizes.requests, sizes.kills - kill)
                .await?;
            operator.kill()?;
            operator = Operator::start_unready(&options).await?;
        }
        anyhow::Ok(operator)
    };
    let (requests, operator) = tokio::try_join!(storm.ask(sizes.requests), killed)?;
    storm.check(&requests).await?;
    stop(operator).await
}

pub(crate) async fn one_of_two_replicas_is_killed(bed: OwnBed) -> Result<()> {
    let sizes = sizes();
    let options = bed.operator_options(&SHORT_LEASE);
    let first = bed.start_operator(&SHORT_LEASE).await?;
    let mut replicas = vec![first, Operator::start_unready(&options).await?];
    let test = TestNamespace::create(bed.bed(), "storm-two").await?;
    let storm = Storm::prepare(&test).await?;
    let killed = async {
        for kill in 0..sizes.kills {
            storm
                .some_more_issued(sizes.requests, sizes.kills - kill)
                .await?;
            // Mostly the one that leads, as the other one does nothing.
            let victim = match random(4) {
                0 => random(2),
                _ => leading(&replicas).await,
            };
            replicas.swap_remove(victim).kill()?;
            replicas.push(Operator::start_unready(&options).await?);
        }
        anyhow::Ok(replicas)
    };
    let (requests, replicas) = tokio::try_join!(storm.ask(sizes.requests), killed)?;
    storm.check(&requests).await?;
    for replica in replicas {
        stop(replica).await?;
    }
    Ok(())
}

async fn leading(replicas: &[Operator]) -> usize {
    for (number, replica) in replicas.iter().enumerate() {
        if replica.metric("signet_leading").await.ok().flatten() == Some(1.0) {
            return number;
        }
    }
    0
}

pub(crate) async fn the_api_server_is_restarted(bed: OwnBed) -> Result<()> {
    restarted(&bed, "storm-api", async || bed.restart_api_server().await).await
}

pub(crate) async fn etcd_is_restarted(bed: OwnBed) -> Result<()> {
    restarted(&bed, "storm-etcd", async || {
        bed.plane().restart_etcd().await
    })
    .await
}

/// The requests are there before the operator is, as users' clients fail during a restart.
async fn restarted(bed: &OwnBed, name: &str, restart: impl AsyncFn() -> Result<()>) -> Result<()> {
    let sizes = sizes();
    let operator = bed.start_operator(&SHORT_LEASE).await?;
    let test = TestNamespace::create(bed.bed(), name).await?;
    let storm = Storm::prepare(&test).await?;
    stop(operator).await?;
    let requests = storm.ask(sizes.requests).await?;
    let options = OperatorOptions {
        log: bed.plane().logs().join(format!("{name}.log")),
        ..bed.operator_options(&SHORT_LEASE)
    };
    let operator = Operator::start(&options).await?;
    for number in 0..sizes.restarts {
        storm
            .some_more_issued(sizes.requests, sizes.restarts - number)
            .await?;
        restart().await?;
    }
    storm.check(&requests).await?;
    let pid = operator.pid();
    let ready = async || {
        let (code, body) = operator.get("/readyz").await?;
        Ok(Observation::reached_if(code == 200, body))
    };
    until("readiness after the last restart", ready).await?;
    ensure!(operator.pid() == pid, "it is the same process");
    let log = std::fs::read_to_string(&options.log)?;
    let is_bad =
        |line: &&str| line.contains(r#""level":"WARN""#) || line.contains(r#""level":"ERROR""#);
    let bad: Vec<_> = log.lines().filter(is_bad).collect();
    say(format_args!(
        "{name}: {} lines at WARN and ERROR for {} restarts",
        bad.len(),
        sizes.restarts
    ));
    ensure!(
        bad.len() <= HANDFUL * sizes.restarts,
        "{} lines for {} restarts: {bad:#?}",
        bad.len(),
        sizes.restarts
    );
    stop(operator).await
}
