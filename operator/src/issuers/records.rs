//! Raises the records of longest lifetimes in a CA generation's object.

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::json;
use signet_core::ca::Lifetimes;

use crate::api_error::describe;
use crate::issuer_name::IssuerName;
use crate::keyring::RecordStore;
use crate::wakeups::Wakeups;
use crate::writer::{Recorded, StoredVersion, Writer};

/// The object of the generation that signs.
#[derive(Debug)]
pub(super) struct GenerationRecord {
    issuer: IssuerName,
    version: Mutex<StoredVersion>,
    writer: Writer,
    wakeups: Wakeups,
}

impl GenerationRecord {
    pub(super) fn new(
        issuer: IssuerName,
        version: StoredVersion,
        writer: Writer,
        wakeups: Wakeups,
    ) -> Self {
        Self {
            issuer,
            version: Mutex::new(version),
            writer,
            wakeups,
        }
    }

    async fn write(&self, lifetimes: Lifetimes) -> Result<(), String> {
        let seconds = |lifetime: std::time::Duration| lifetime.as_secs();
        let mut change = json!({});
        if let Some(leaf) = lifetimes.leaf {
            change["longestLeafSeconds"] = json!(seconds(leaf));
        }
        if let Some(ca) = lifetimes.ca {
            change["longestCASeconds"] = json!(seconds(ca));
        }
        let version = self.version.lock().clone();
        let failed = |why: &str| {
            format!(
                "the lifetime of the certificate could not be recorded in CAGeneration {}: {why}; \
                 Signet tries again by itself",
                version.name
            )
        };
        match self.writer.record(&version, &change).await {
            Ok(Recorded::At(resource_version)) => {
                self.version.lock().resource_version = resource_version;
                Ok(())
            }
            Ok(Recorded::Conflict) => {
                // The issuer reads the object again.
                self.wakeups.wake_issuer(&self.issuer);
                Err(failed("it was changed"))
            }
            Err(error) => Err(failed(&describe(&error).to_string())),
        }
    }
}

impl RecordStore for GenerationRecord {
    fn raise(&self, lifetimes: Lifetimes) -> BoxFuture<'_, Result<(), String>> {
        self.write(lifetimes).boxed()
    }
}
