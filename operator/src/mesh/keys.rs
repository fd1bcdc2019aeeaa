//! The Secret with the keys of a MeshCA: one entry for each key, named by its identifier.
//!
//! A key is only added to it, and removed once no certificate under it can be valid. The mesh's own
//! Secret is derived from it.

use signet_api::MeshCASpec;
use signet_core::mesh::secret::{Entries, PrivateKeyPem};
use signet_core::x509::public_key::PublicKey;
use signet_keys::{BlockingQueue, read_public_key};
use zeroize::Zeroizing;

use super::observe::Found;
use crate::deadline::queued;

/// The Secret, as it was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    pub(super) found: Option<Found>,
    pub(super) entries: Entries,
    pub(super) adopts: bool,
}

/// A key that is to be added.
#[derive(Clone, PartialEq)]
pub(crate) struct NewKey {
    /// The identifier of the key, in hex.
    pub(crate) entry: String,
    pub(crate) pem: Zeroizing<Vec<u8>>,
}

impl Keys {
    /// Returns why Signet does not touch the Secret; none if it may. The message follows its name.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.found.as_ref()?.holder.refusal(self.adopts)
    }

    /// Whether there is such an entry.
    pub(crate) fn has(&self, entry: &str) -> bool {
        self.entries.get(entry).is_some()
    }

    /// Returns the names of the entries.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name)
    }

    pub(super) fn pem(&self, entry: &str) -> Option<PrivateKeyPem> {
        PrivateKeyPem::read(self.entries.get(entry)?)
    }

    /// Returns the public keys of these entries, as far as they are named by them. It takes
    /// milliseconds to check an RSA key, and users may put any number of keys there.
    pub(crate) async fn public_keys(
        &self,
        entries: Vec<String>,
        namespace: &str,
        loading: &BlockingQueue,
    ) -> Vec<(String, PublicKey)> {
        let own = self.entries.clone();
        let read = move || {
            let keys = entries.into_iter().filter_map(|entry| {
                let key = read_public_key(own.get(&entry)?)?;
                (hex::encode(key.key_identifier()) == entry).then_some((entry, key))
            });
            keys.collect()
        };
        queued(loading.run(namespace, read))
            .await
            .unwrap_or_default()
    }
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewKey({})", self.entry)
    }
}

/// Returns the name of the Secret of the MeshCA of this name.
pub(super) fn secret_name(mesh_ca: &str) -> String {
    MeshCASpec::keys_secret_name(mesh_ca)
}
