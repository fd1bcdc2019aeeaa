//! The Lease: one replica works, the others stand by.

use kube::Client;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder, LeaseManagerError};
use tokio::sync::watch::{self, Receiver};
use tokio::task::JoinHandle;

use crate::args::Run;
use crate::plan::FIELD_MANAGER;

/// The Lease's name.
pub const NAME: &str = "signet";

/// A share of a lease's length is kept for renewing it.
const GRACE: u64 = 3;

/// Whether this replica leads, as it changes; and what keeps it so.
#[derive(Debug)]
pub struct Lease {
    leading: Receiver<bool>,
    renewal: Option<JoinHandle<Result<LeaseManager, LeaseManagerError>>>,
    /// Without election somebody has to keep the channel open.
    _alone: Option<watch::Sender<bool>>,
}

impl Lease {
    /// Enters the election, or leads at once where there is none.
    ///
    /// # Errors
    /// The Lease can neither be read nor created.
    pub async fn enter(client: Client, settings: &Run, identity: &str) -> anyhow::Result<Self> {
        if !settings.leader_elect {
            let (sender, leading) = watch::channel(true);
            return Ok(Self {
                leading,
                renewal: None,
                _alone: Some(sender),
            });
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
        let (leading, renewal) = manager.watch().await;
        Ok(Self {
            leading,
            renewal: Some(renewal),
            _alone: None,
        })
    }

    /// Whether this replica leads now.
    pub fn is_leading(&self) -> bool {
        *self.leading.borrow()
    }

    /// Waits until that changes.
    ///
    /// # Errors
    /// The election has ended, which it never does by itself.
    pub async fn changed(&mut self) -> anyhow::Result<()> {
        Ok(self.leading.changed().await?)
    }

    /// Gives the Lease up, so that a replica that stands by takes over at once.
    pub async fn release(self) {
        drop(self.leading);
        if let Some(renewal) = self.renewal
            && let Ok(Err(error)) = renewal.await
        {
            tracing::warn!(%error, "the Lease was not released; it runs out by itself");
        }
    }
}
