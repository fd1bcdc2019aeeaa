//! Which version of ClusterTrustBundles the cluster serves, and which objects there are.

use std::collections::HashSet;

use kube::Client;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::object::Version;
use crate::api_error::describe;
use crate::discovery::serves;
use crate::issuer_name::IssuerName;

/// Whether the cluster serves ClusterTrustBundles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    Version(Version),
    No,
    /// The API server did not respond.
    Unknown(String),
}

/// What the watch of ClusterTrustBundles knows.
#[derive(Debug)]
pub struct TrustBundles {
    /// None before the first response.
    served: watch::Sender<Option<Served>>,
    /// The issuers with an object that has Signet's label; none before they were listed.
    existing: Mutex<Option<HashSet<IssuerName>>>,
}

impl Default for TrustBundles {
    fn default() -> Self {
        Self {
            served: watch::Sender::new(None),
            existing: Mutex::default(),
        }
    }
}

impl TrustBundles {
    #[cfg(test)]
    pub(crate) fn not_served() -> Self {
        Self {
            served: watch::Sender::new(Some(Served::No)),
            existing: Mutex::default(),
        }
    }

    /// Returns which version the cluster serves, once that is known.
    pub(super) async fn served(&self) -> Served {
        let mut served = self.served.subscribe();
        let known = served.wait_for(Option::is_some).await;
        let known = known.ok().and_then(|known| known.clone());
        known.unwrap_or_else(|| Served::Unknown("the watch ended".to_owned()))
    }

    /// Returns what was known before.
    pub(crate) fn set_served(&self, served: Served) -> Option<Served> {
        self.served.send_replace(Some(served))
    }

    /// Returns whether an issuer has an object; none if that is not known.
    pub(super) fn exists(&self, issuer: &IssuerName) -> Option<bool> {
        let existing = self.existing.lock();
        Some(existing.as_ref()?.contains(issuer))
    }

    /// Returns the issuers with an object, as far as they are known.
    pub(crate) fn issuers(&self) -> Vec<IssuerName> {
        self.existing.lock().iter().flatten().cloned().collect()
    }

    /// Replaces what exists, and returns what it was before.
    pub(super) fn replace(
        &self,
        listed: Option<HashSet<IssuerName>>,
    ) -> Option<HashSet<IssuerName>> {
        std::mem::replace(&mut *self.existing.lock(), listed)
    }

    pub(super) fn add(&self, issuer: IssuerName) {
        self.existing.lock().get_or_insert_default().insert(issuer);
    }

    pub(super) fn remove(&self, issuer: &IssuerName) {
        if let Some(existing) = self.existing.lock().as_mut() {
            existing.remove(issuer);
        }
    }
}

/// Asks the API server which version it serves.
pub(super) async fn discover(client: &Client) -> Served {
    for version in Version::ALL {
        match serves(client, &version.api_version(), Version::PLURAL).await {
            Ok(true) => return Served::Version(version),
            Ok(false) => {}
            Err(error) => return Served::Unknown(describe(&error)),
        }
    }
    Served::No
}
