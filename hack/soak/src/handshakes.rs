//! Handshakes between all pairs of consumers, and what became of each.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::certificate::Certificate;
use crate::consumers::{Consumer, Consumers, Presented, Trust};
use crate::peers::Stack;

/// Handshakes that run at a time.
const IN_FLIGHT: usize = 6;
/// How long a leaf must still be valid to be used.
const MARGIN: Duration = Duration::from_secs(1);

/// Counts of one pair of libraries, or of one way to trust.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Handshakes.
    pub all: u64,
    /// Those of them that failed.
    pub failed: u64,
}

/// What became of the handshakes so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// By the libraries of client and server.
    pub pairs: BTreeMap<(Stack, Stack), Count>,
    /// By how the client learns of roots, and how the server does.
    pub trusts: BTreeMap<(Trust, Trust), Count>,
    /// Handshakes that were not made or do not count, because a leaf had expired before it was
    /// renewed.
    pub late: u64,
    /// When handshakes failed.
    pub failures: Vec<Timestamp>,
    /// The first one that failed, with the chains of both sides.
    pub first_failure: Option<String>,
}

impl Tally {
    /// Returns how many handshakes there were.
    pub fn total(&self) -> u64 {
        self.pairs.values().map(|count| count.all).sum()
    }

    fn count(&mut self, client: &Consumer, server: &Consumer, failed: bool) {
        let pair = self.pairs.entry((client.stack, server.stack)).or_default();
        let trust = self.trusts.entry((client.trust, server.trust));
        for count in [pair, trust.or_default()] {
            count.all += 1;
            count.failed += u64::from(failed);
        }
        if failed {
            self.failures.push(Timestamp::now());
        }
    }
}

/// Makes handshakes at a rate, between each client and each server in turn, without an end.
///
/// # Errors
/// A peer's process has ended.
pub(crate) async fn keep_connecting(
    consumers: Arc<Consumers>,
    rate: u32,
    tally: Arc<Mutex<Tally>>,
) -> Result<()> {
    let permits = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut running = JoinSet::new();
    let count = consumers.all.len();
    for number in (0..count * count).cycle() {
        ticks.tick().await;
        let permit = permits.clone().acquire_owned().await?;
        while let Some(ended) = running.try_join_next() {
            ended??;
        }
        // Neighbors in time are of different clients and servers.
        let client = number % count;
        let server = (client + number / count) % count;
        let (consumers, tally) = (consumers.clone(), tally.clone());
        running.spawn(async move {
            let _permit = permit;
            connect(&consumers, client, server, &tally).await
        });
    }
    Ok(())
}

async fn connect(
    consumers: &Consumers,
    client: usize,
    server: usize,
    tally: &Mutex<Tally>,
) -> Result<()> {
    let (client, server) = (&consumers.all[client], &consumers.all[server]);
    let (Some(own), Some(other)) = (client.presented().await, server.presented().await) else {
        return Ok(());
    };
    let ends = own.not_after.min(other.not_after);
    if Timestamp::now() + MARGIN >= ends {
        tally.lock().late += 1;
        return Ok(());
    }
    let error = consumers.connect(client, server, other.port).await?;
    let Some(error) = error else {
        tally.lock().count(client, server, false);
        return Ok(());
    };
    if Timestamp::now() >= ends {
        tally.lock().late += 1;
        return Ok(());
    }
    let is_first = tally.lock().first_failure.is_none();
    let refusal = match is_first {
        true => consumers.refusal(server).await?,
        false => String::new(),
    };
    let mut tally = tally.lock();
    tally.count(client, server, true);
    if tally.first_failure.is_none() {
        let shown = describe((client, &own), (server, &other), &error, &refusal);
        tally.first_failure = Some(shown);
    }
    Ok(())
}

/// Describes a handshake that failed, with what both sides had.
fn describe(
    client: (&Consumer, &Presented),
    server: (&Consumer, &Presented),
    error: &str,
    refusal: &str,
) -> String {
    let mut text = format!(
        "{}: {} as client of {}: {error}\nthe server's last refusal: {refusal}\n",
        Timestamp::now(),
        client.0.name,
        server.0.name
    );
    for (side, (consumer, presented)) in [("client", client), ("server", server)] {
        let identity = &presented.identity;
        for (what, pem) in [("presents", &identity.chain), ("trusts", &identity.roots)] {
            let _ = writeln!(text, "the {side} ({}) {what}:", consumer.trust);
            for certificate in Certificate::all(pem).unwrap_or_default() {
                let _ = writeln!(text, "  {certificate}");
            }
        }
    }
    text
}
