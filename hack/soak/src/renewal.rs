//! When consumers get other leaves, and present them.

use std::time::Duration;

use anyhow::Result;

use crate::consumers::{Consumer, Consumers, Leaf};
use crate::leaf_issuer::LeafIssuer;
use crate::mesh::Workloads;

/// How long before the end of its leaf a consumer that renews late presents the next one.
const LATE: Duration = Duration::from_secs(4);

/// Where consumers get their leaves.
#[allow(missing_debug_implementations, reason = "it has a client")]
pub(crate) enum LeafSource {
    /// From an issuer of Signet.
    Issuer(LeafIssuer),
    /// From istiod, as the workloads of a mesh.
    Istiod(Workloads),
}

impl LeafSource {
    /// Requests a leaf and waits for the certificate.
    async fn request(&self, consumer: &Consumer) -> Result<Leaf> {
        match self {
            Self::Issuer(issuer) => issuer.request(consumer).await,
            Self::Istiod(workloads) => workloads.request(consumer).await,
        }
    }
}

/// Renews the leaf of a consumer, without an end.
///
/// Each leaf is renewed halfway. Every second one is presented at once; the others only shortly
/// before the leaf ends that they replace, so that the oldest leaf that may be in use is in use.
///
/// # Errors
/// There is no certificate, or the consumer does not accept it.
pub(crate) async fn keep_renewed(
    consumers: &Consumers,
    index: usize,
    source: &LeafSource,
) -> Result<()> {
    let consumer = &consumers.all[index];
    for number in index.. {
        let leaf = source.request(consumer).await?;
        let mut halfway = leaf.remaining() / 2;
        if number == index {
            // Spread, so that leaves of all ages are in use whenever something is replaced.
            halfway = halfway * part(index + 1) / part(consumers.all.len());
        }
        let begin = tokio::time::Instant::now();
        if number % 2 == 1 {
            let wait = consumer.remaining().await.saturating_sub(LATE);
            tokio::time::sleep(wait).await;
        }
        consumers.install(consumer, leaf).await?;
        tokio::time::sleep_until(begin + halfway).await;
    }
    Ok(())
}

/// Consumers are few.
fn part(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
