//! The backends, and a key of each type that each has.

use std::sync::{Arc, LazyLock};

use signet_core::algorithm::KeyAlgorithm;
use signet_keys::{GeneratedKey, KeyConfig, KeyType, Signer, Software, connect};

use crate::memory::MemorySecrets;
use crate::openssl::OpenSsl;

/// A key under test.
pub(crate) struct Subject {
    /// Backend and key, for whoever reads that a check failed.
    pub(crate) name: String,
    pub(crate) config: KeyConfig,
    /// What the backend may read.
    pub(crate) secrets: MemorySecrets,
    pub(crate) algorithm: KeyAlgorithm,
    /// The public half, as somebody else than the backend says it is.
    pub(crate) spki_der: Vec<u8>,
    /// What must not be shown.
    pub(crate) secret: String,
}

impl Subject {
    pub(crate) async fn connect(&self) -> Arc<dyn Signer> {
        let signer = connect(&self.config, &self.secrets).await;
        signer.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

/// The keys of a backend.
type Backend = fn() -> Vec<Subject>;

/// Every backend. A further one is a line in here.
const BACKENDS: &[Backend] = &[software];

/// Every key of every backend, made once.
pub(crate) fn list() -> &'static [Subject] {
    static SUBJECTS: LazyLock<Vec<Subject>> =
        LazyLock::new(|| BACKENDS.iter().flat_map(|keys| keys()).collect());
    &SUBJECTS
}

/// Every type of key that Signet makes, and what it comes to.
pub(crate) const KEY_TYPES: [(KeyType, KeyAlgorithm); 7] = [
    (KeyType::EcdsaP256, KeyAlgorithm::EcP256),
    (KeyType::EcdsaP384, KeyAlgorithm::EcP384),
    (KeyType::EcdsaP521, KeyAlgorithm::EcP521),
    (KeyType::Rsa2048, KeyAlgorithm::Rsa { bits: 2048 }),
    (KeyType::Rsa3072, KeyAlgorithm::Rsa { bits: 3072 }),
    (KeyType::Rsa4096, KeyAlgorithm::Rsa { bits: 4096 }),
    (KeyType::Ed25519, KeyAlgorithm::Ed25519),
];

fn software() -> Vec<Subject> {
    let subject = |(key_type, algorithm): (KeyType, KeyAlgorithm)| {
        let key = GeneratedKey::new(key_type).unwrap();
        let (entry, pem) = key.secret_entry();
        Subject {
            name: format!("software {algorithm}"),
            config: KeyConfig::Software(Software {
                secret_name: "ca".to_owned(),
                key_type,
            }),
            secrets: MemorySecrets::with("ca", entry, pem.as_bytes()),
            algorithm,
            spki_der: OpenSsl::new().public_key_der(pem.as_bytes()),
            secret: pem.to_owned(),
        }
    };
    KEY_TYPES.into_iter().map(subject).collect()
}
