//! A root rotates while TLS servers and clients connect with each other.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use jiff::Timestamp;
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::watch_object;
use signet_api::{ClusterIssuer, GenerationState, IssuerStatus};
use signet_soak::fleet::failed;
use signet_soak::{Fleet, Pace};
use signet_testbed::wait::Observation::{Progress, Reached};
use signet_testbed::wait::until;
use tokio::sync::mpsc::unbounded_channel;

use super::Shell;
use super::shell::comment;
use crate::session::{Home, Session};
use crate::up;

/// The issuer of the sample.
const ISSUER: &str = "rotating";
/// `profile.maxDuration` of the sample; a lagging copy must be faster.
const PACE: Pace = Pace {
    leaf: Duration::from_secs(30),
    lag: Duration::from_secs(15),
    rate: 20,
};
/// Changes the key, and with it the self-signed root.
const ROTATE: &str = "kubectl patch clusterissuers.signet.dev rotating --type=merge \\\n  \
     -p '{\"spec\":{\"key\":{\"software\":{\"secretName\":\"rotating-KEY\"}}}}'";

/// Applies the sample, rotates its key, and shows what happens until the old root has left the
/// bundle.
pub(super) async fn run(root: &Path, home: &Home, session: &Session) -> Result<()> {
    ensure!(
        session.own,
        "--rotate needs the cluster of the demo, but your own cluster is in use; run \
         `cargo xtask down` first"
    );
    session.with_signet()?;
    let shell = Shell::new(root, &session.cluster, &home.folder.join("demo"))?;
    shell.introduce();
    shell.run("kubectl apply -f docs/samples/rotation.yaml")?;
    shell.run(&format!(
        "kubectl wait --for=condition=Ready --timeout=300s clusterissuers.signet.dev/{ISSUER}"
    ))?;
    let client = session.cluster.client().await?;
    let fleet = Fleet::start(&client, ISSUER, "default", PACE).await?;
    // The lines that are printed have all of it.
    let (events, _happened) = unbounded_channel();
    {
        let mut tasks = fleet.tasks(events);
        let issuers = Api::all(client.clone());
        tokio::select! {
            shown = show(&shell, &issuers, &fleet) => shown?,
            task = tasks.next() => return Err(failed(task)),
        }
    }
    let (_, tally) = fleet.so_far();
    let (total, failures) = (tally.total(), tally.failures.len());
    let first = tally.first_failure.unwrap_or_default();
    println!("\n{total} handshakes, {failures} failed");
    ensure!(failures == 0, "the first handshake that failed:\n{first}");
    println!("\n  cargo xtask down          stops and removes all of this\n");
    up::print_export(session);
    Ok(())
}

async fn show(shell: &Shell, issuers: &Api<ClusterIssuer>, fleet: &Fleet) -> Result<()> {
    comment(
        "Nine TLS servers and clients (rustls, OpenSSL, Go) get certificates of 30 s and connect\n\
         # with each other all the time. A third of them follow the bundle, a third a copy that\n\
         # is 15 s late, and a third know only the ca.crt of their last certificate.",
    );
    fleet.await_leaves(1).await?;
    let status = issuers.get(ISSUER).await?.status.unwrap_or_default();
    let active = status.ca.first().context("a CA signs")?;
    let (generation, key) = (active.generation, active.generation + 1);
    println!("{}", line(&status, fleet));
    comment("Another key, and with it another root:");
    shell.run(&ROTATE.replace("KEY", &key.to_string()))?;
    println!();
    let mut versions = pin!(watch_object(issuers.clone(), ISSUER).default_backoff());
    let mut last = String::new();
    let observe = async || {
        let version = versions.next().await.context("the watch has ended")?;
        let status = version.ok().flatten().and_then(|found| found.status);
        let status = status.unwrap_or_default();
        let (now, summary) = (line(&status, fleet), states(&status));
        if summary != last {
            println!("{now}");
            last.clone_from(&summary);
        }
        Ok(match has_rotated(&status, generation) {
            true => Reached(()),
            false => Progress(summary),
        })
    };
    until("the old root to leave the bundle", observe).await
}

/// Whether a later generation signs, and only its root is trusted.
fn has_rotated(status: &IssuerStatus, generation: u32) -> bool {
    let later = status
        .ca
        .first()
        .is_some_and(|ca| ca.generation > generation && ca.state == GenerationState::Active);
    later && roots(status) == 1
}

fn roots(status: &IssuerStatus) -> usize {
    let bundle = status.bundle.as_deref().unwrap_or_default();
    bundle.matches("BEGIN CERTIFICATE").count()
}

/// The generations, and how many roots are in the bundle.
fn states(status: &IssuerStatus) -> String {
    let mut living: Vec<_> = status
        .ca
        .iter()
        .filter(|ca| ca.state != GenerationState::Expired)
        .collect();
    living.sort_by_key(|ca| ca.generation);
    let generations = living
        .iter()
        .map(|ca| format!("{} {:?}", ca.generation, ca.state));
    let generations: Vec<_> = generations.collect();
    format!(
        "generations: {:<26} roots: {}",
        generations.join(", "),
        roots(status)
    )
}

fn line(status: &IssuerStatus, fleet: &Fleet) -> String {
    let (_, tally) = fleet.so_far();
    let (total, failures) = (tally.total(), tally.failures.len());
    let time = Timestamp::now().strftime("%H:%M:%S");
    format!(
        "{time}  {}   handshakes: {total}, {failures} failed",
        states(status)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rotation_ends_when_the_old_root_has_left() {
        let status = |generation: u32, state: &str, roots: usize| -> IssuerStatus {
            let bundle = "-----BEGIN CERTIFICATE-----\n".repeat(roots);
            let ca = json!([{
                "name": "a", "generation": generation, "state": state, "key": "k",
                "keyFingerprint": "f",
            }]);
            serde_json::from_value(json!({ "ca": ca, "bundle": bundle })).unwrap()
        };
        assert!(has_rotated(&status(2, "Active", 1), 1));
        assert!(!has_rotated(&status(2, "Active", 2), 1));
        assert!(!has_rotated(&status(1, "Active", 1), 1));
        assert!(!has_rotated(&status(2, "Published", 1), 1));
        let shown = states(&status(2, "Active", 1));
        assert_eq!(shown, format!("generations: {:<26} roots: 1", "2 Active"));
    }
}
