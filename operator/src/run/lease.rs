//! The Lease: one replica leads, the others stand by.

use kube::Client;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder, LeaseManagerError};
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;

use crate::args::Run;
use crate::plan::FIELD_MANAGER;

pub const NAME: &str = "signet";

/// The share of the Lease's duration that is kept for renewing it.
const GRACE: u64 = 3;

/// Whether this replica leads; without an election it always does.
#[derive(Debug)]
pub struct Lease {
    election: Option<Election>,
}

type Election = (
    Receiver<bool>,
    JoinHandle<Result<LeaseManager, LeaseManagerError>>,
);

impl Lease {
    /// Fails if the Lease can neither be read nor created.
    pub async fn enter(client: Client, settings: &Run, identity: &str) -> anyhow::Result<Self> {
        if !settings.leader_elect {
            return Ok(Self { election: None });
        }
        let seconds = settings.leader_election_lease_duration.as_secs();
        let manager = LeaseManagerBuilder::new(client, NAME)
            .with_namespace(&settings.leader_election_namespace)
            .with_identity(identity)
            .with_field_manager(format!("{FIELD_MANAGER}-{identity}"))
            .with_duration(seconds)
            .with_grace((seconds / GRACE).max(1))
            .build()
            .await?;
        let election = Some(manager.watch().await);
        Ok(Self { election })
    }

    pub fn is_leading(&self) -> bool {
        let election = self.election.as_ref();
        election.is_none_or(|(leading, _)| *leading.borrow())
    }

    /// Waits for a change. Fails when the election has ended, which only an error causes.
    pub async fn changed(&mut self) -> anyhow::Result<()> {
        match &mut self.election {
            Some((leading, _)) => Ok(leading.changed().await?),
            None => std::future::pending().await,
        }
    }

    /// Releases the Lease, so that a standby takes over at once.
    pub async fn release(self) {
        let Some((leading, renewal)) = self.election else {
            return;
        };
        drop(leading);
        if let Ok(Err(error)) = renewal.await {
            tracing::warn!(%error, "the Lease was not released; it expires without renewal");
        }
    }
}
