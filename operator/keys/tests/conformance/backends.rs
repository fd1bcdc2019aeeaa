//! The backends, each with its servers, which are started when something needs them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use libtest_mimic::Trial;
use signet_core::x509::algorithm::KeyAlgorithm;
use tokio::sync::OnceCell;

use crate::rig::{Offered, Rig, Subject};
use crate::software;

/// A backend of the list.
pub(crate) struct Backend {
    /// As `Backend::name` has it.
    pub(crate) name: &'static str,
    /// Starts its servers. May block.
    start: fn() -> Arc<dyn Rig>,
    /// The tests of what is special about it.
    pub(crate) own: fn() -> Vec<Trial>,
}

/// Every backend. A further one is a line in here.
#[rustfmt::skip]
pub(crate) const BACKENDS: &[Backend] = &[
    #[cfg(feature = "aws-kms")]
    Backend { name: "awsKms", start: || Arc::new(crate::aws_kms::Aws::shared()), own: crate::aws_kms::tests },
    #[cfg(feature = "vault")]
    Backend { name: "vaultTransit", start: || Arc::new(crate::vault_transit::VaultRig), own: crate::vault_transit::tests },
    #[cfg(feature = "pkcs11")]
    Backend { name: "pkcs11", start: || Arc::new(crate::pkcs11::Pkcs11Rig::start()), own: crate::pkcs11::tests },
    Backend { name: "software", start: || Arc::new(software::SoftwareRig), own: software::tests },
];

/// Every algorithm that a key may be of.
pub(crate) const ALGORITHMS: [KeyAlgorithm; 7] = [
    KeyAlgorithm::EcP256,
    KeyAlgorithm::EcP384,
    KeyAlgorithm::EcP521,
    KeyAlgorithm::Rsa { bits: 2048 },
    KeyAlgorithm::Rsa { bits: 3072 },
    KeyAlgorithm::Rsa { bits: 4096 },
    KeyAlgorithm::Ed25519,
];

/// A backend whose servers run, or will.
pub(crate) struct Running {
    pub(crate) backend: &'static Backend,
    rig: OnceLock<Option<Arc<dyn Rig>>>,
    keys: [OnceCell<Offered<Subject>>; ALGORITHMS.len()],
}

impl Running {
    pub(crate) fn new(backend: &'static Backend) -> Arc<Self> {
        Arc::new(Self {
            backend,
            rig: OnceLock::new(),
            keys: Default::default(),
        })
    }

    /// The rig, which is started by the first who asks. A start that failed is not tried again.
    pub(crate) fn rig(&self) -> &dyn Rig {
        let start = || catch_unwind(AssertUnwindSafe(self.backend.start)).ok();
        let rig = self.rig.get_or_init(start);
        let name = self.backend.name;
        let rig = rig.as_deref();
        rig.unwrap_or_else(|| panic!("the servers of {name} did not start"))
    }

    /// The key of an algorithm, which is made by the first who asks.
    pub(crate) async fn key(&self, algorithm: KeyAlgorithm) -> Offered<Subject> {
        let place = ALGORITHMS.iter().position(|known| *known == algorithm);
        let make = || self.rig().key(algorithm);
        self.keys[place.unwrap()].get_or_init(make).await.clone()
    }
}
