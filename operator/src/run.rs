//! Starts everything, and stops it in order.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub mod admin;
mod api_server;
mod leader;
pub mod lease;
mod process;
mod startup;
mod telemetry;

use crate::args::Run;
use crate::crypto_provider;
use crate::health::BEAT;
use crate::version::VERSION;
use leader::Leader;
use lease::Lease;
use process::Process;
use startup::Setup;

/// Runs the operator until a signal stops it.
pub fn main(settings: Run) -> anyhow::Result<()> {
    telemetry::start(settings.log_format, &settings.log)?;
    crypto_provider::install()?;
    // One thread does everything but what a BlockingQueue runs, such as RSA signatures: most of the
    // work is waiting, and waking a second thread for each response costs more than handling it
    // (docs/performance.md).
    tokio::runtime::Builder::new_current_thread()
        // Each BlockingQueue has its own: RSA signatures, and three for the generation of keys and
        // the reading of keys and chains. Two more read files and resolve the API server's name.
        .max_blocking_threads(usize::from(processors()) + 5)
        .enable_all()
        .build()?
        .block_on(run(settings))
}

/// Runs the process of a PKCS#11 module until its operator ends.
#[cfg(feature = "pkcs11")]
pub fn pkcs11_module() -> anyhow::Result<()> {
    match signet_keys::run_pkcs11_module() {
        Err(error) => anyhow::bail!("only the operator starts this command: {error}"),
    }
}

fn processors() -> u16 {
    let processors = std::thread::available_parallelism();
    processors.map_or(2, |number| u16::try_from(number.get()).unwrap_or(u16::MAX))
}

async fn run(settings: Run) -> anyhow::Result<()> {
    let identity = identity(&settings);
    tracing::info!(version = VERSION, identity, "starting Signet");
    let config = config(&settings).await?;
    let process = Arc::new(Process::default());
    let setup = Setup::observe(settings, config, identity, &process.api).await?;
    process.observe_modules(setup.modules.clone());
    let settings = &setup.settings;
    let stop = stop_on_signal()?;
    let admin_stop = CancellationToken::new();
    admin::serve(settings.admin_address, process.clone(), admin_stop.clone()).await?;
    let health = (process.health.clone(), process.api.clone());
    let mut lease = Lease::enter(setup.client.clone(), settings, &setup.identity, health);
    let ended = lead_until_stopped(&setup, &process, &mut lease, &stop).await;
    lease.release().await;
    admin_stop.cancel();
    tracing::info!("Signet stopped");
    ended
}

async fn lead_until_stopped(
    setup: &Setup,
    process: &Process,
    lease: &mut Lease,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let timeout = setup.settings.shutdown_timeout;
    let mut beat = tokio::time::interval(BEAT);
    let mut leader: Option<Leader> = None;
    loop {
        match (&leader, lease.is_leading()) {
            (None, Some(true)) => {
                tracing::info!("acquired the Lease; leading");
                leader = Some(Leader::start(setup, process));
                process.health.set_leading(true);
            }
            (Some(_), Some(false)) => {
                tracing::warn!("lost the Lease; standing by");
                process.health.set_leading(false);
                if let Err(error) = finish(leader.take(), timeout).await {
                    // What was dropped is as if the process had ended there: the next leader takes
                    // it up.
                    tracing::warn!("{error}; they were dropped");
                }
                process.end_term();
            }
            (None, Some(false)) => process.health.set_leading(false),
            (None, None) | (Some(_), Some(true) | None) => {}
        }
        tokio::select! {
            () = stop.cancelled() => break,
            changed = lease.changed() => changed?,
            _ = beat.tick() => process.health.beat(),
            ended = ended(&mut leader) => return ended,
        }
    }
    tracing::info!("shutting down; draining in-flight requests");
    finish(leader, timeout).await
}

async fn ended(leader: &mut Option<Leader>) -> anyhow::Result<()> {
    match leader {
        Some(leader) => leader.ended().await,
        None => std::future::pending().await,
    }
}

async fn finish(leader: Option<Leader>, timeout: Duration) -> anyhow::Result<()> {
    let Some(leader) = leader else {
        return Ok(());
    };
    let finished = pin!(leader.stop());
    let seconds = timeout.as_secs();
    tokio::time::timeout(timeout, finished)
        .await
        .map_err(|_| anyhow::anyhow!("requests in flight did not finish in {seconds} s"))
}

async fn config(settings: &Run) -> anyhow::Result<Config> {
    match &settings.kubeconfig {
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path)?;
            let options = KubeConfigOptions::default();
            Ok(Config::from_custom_kubeconfig(kubeconfig, &options).await?)
        }
        None => Ok(Config::infer().await?),
    }
}

fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopped.cancel();
    });
    Ok(stop)
}

/// This replica's name: the flag, or the host's (a pod's host name is the pod's).
fn identity(settings: &Run) -> String {
    if let Some(identity) = &settings.leader_election_identity {
        return identity.clone();
    }
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() { "signet" } else { host };
    let (process, now) = (std::process::id(), Timestamp::now().as_millisecond());
    format!("{host}-{process}-{now}")
}
