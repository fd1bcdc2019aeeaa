//! Starts everything, and stops it in order.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

mod api_server;
mod leading;
mod shown;
mod surroundings;

use crate::args::Run;
use crate::health::BEAT;
use crate::lease::Lease;
use crate::{admin, telemetry};
use leading::Leading;
use shown::Process;
use surroundings::Surroundings;

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs the operator until a signal ends it.
///
/// # Errors
/// It cannot start, or work in flight did not finish in time.
pub fn main(settings: Run) -> anyhow::Result<()> {
    telemetry::start(settings.log_format, &settings.log)?;
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another crypto provider was installed before"))?;
    // One thread does everything but sign with RSA and what is Arithmetic: the work is waiting for
    // others, and waking a second thread for each answer costs more than the answer
    // (docs/performance.md).
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    tokio::runtime::Builder::new_current_thread()
        // Two for the keys that are made and the chains that are read, which RSA does not wait for.
        .max_blocking_threads(processors.max(2) + 2)
        .enable_all()
        .build()?
        .block_on(run(settings))
}

async fn run(settings: Run) -> anyhow::Result<()> {
    let identity = identity(&settings);
    tracing::info!(version = VERSION, identity, "Signet starts");
    let config = config(&settings).await?;
    let client = Client::try_from(config.clone())?;
    let surroundings = Surroundings::learn(&settings, &config, &client).await?;
    let stop = stop_on_signal()?;
    let process = Arc::new(Process::default());
    let admin_stop = CancellationToken::new();
    admin::serve(settings.admin_address, process.clone(), admin_stop.clone()).await?;
    let mut lease = tokio::select! {
        lease = Lease::enter(client.clone(), &settings, &identity) => lease?,
        () = stop.cancelled() => return Ok(()),
    };
    let work = Work {
        client,
        settings,
        identity,
        surroundings,
    };
    let ended = lead_while_told(&work, &process, &mut lease, &stop).await;
    lease.release().await;
    admin_stop.cancel();
    tracing::info!("Signet has stopped");
    ended
}

/// What a replica that leads works with.
struct Work {
    client: Client,
    settings: Run,
    identity: String,
    surroundings: Surroundings,
}

/// Leads whenever the Lease says so, until told to stop.
async fn lead_while_told(
    work: &Work,
    process: &Process,
    lease: &mut Lease,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let patience = work.settings.shutdown_timeout;
    let mut beat = tokio::time::interval(BEAT);
    let mut leading: Option<Leading> = None;
    loop {
        match (&leading, lease.is_leading()) {
            (None, true) => {
                tracing::info!("this replica leads");
                leading = Some(Leading::start(work, process));
            }
            (Some(_), false) => {
                tracing::warn!("the Lease is lost; this replica stands by");
                process.forget();
                finish(leading.take(), patience).await?;
            }
            _ => {}
        }
        process.set_leading(leading.is_some());
        tokio::select! {
            () = stop.cancelled() => break,
            changed = lease.changed() => changed?,
            _ = beat.tick() => process.beat(),
            ended = ended(&mut leading) => return ended,
        }
    }
    tracing::info!("told to stop; work in flight is finished");
    finish(leading, patience).await
}

/// Work ends by itself only when something is wrong.
async fn ended(leading: &mut Option<Leading>) -> anyhow::Result<()> {
    match leading {
        Some(leading) => leading.ended().await,
        None => std::future::pending().await,
    }
}

/// Lets work in flight finish, for as long as that may take.
async fn finish(leading: Option<Leading>, patience: Duration) -> anyhow::Result<()> {
    let Some(leading) = leading else {
        return Ok(());
    };
    let finished = pin!(leading.stop());
    tokio::time::timeout(patience, finished)
        .await
        .map_err(|_| anyhow::anyhow!("work in flight did not finish in {} s", patience.as_secs()))
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
    let told = stop.clone();
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}

/// This replica's name: the flag, or the host's (a pod's host name is the pod's).
fn identity(settings: &Run) -> String {
    settings
        .leader_election_identity
        .clone()
        .unwrap_or_else(|| {
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            let host = host.trim();
            let host = if host.is_empty() { "signet" } else { host };
            format!(
                "{host}-{}-{}",
                std::process::id(),
                Timestamp::now().as_millisecond()
            )
        })
}
