//! The key files of one control plane.

use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::KeyPair;

use crate::pki::{Pair, write_private};

/// The files of a certificate and its key.
#[derive(Debug)]
pub(crate) struct PairFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl PairFiles {
    /// Writes `NAME.crt` and `NAME.key`.
    pub(crate) fn write(pair: &Pair, folder: &Path, name: &str) -> Result<Self> {
        let certificate = folder.join(format!("{name}.crt"));
        let key = folder.join(format!("{name}.key"));
        write_private(&certificate, &pair.certificate_pem)?;
        write_private(&key, &pair.key_pem)?;
        Ok(Self { certificate, key })
    }
}

/// The files of the key that signs ServiceAccount tokens.
#[derive(Debug)]
pub(crate) struct TokenKey {
    pub(crate) private: PathBuf,
    pub(crate) public: PathBuf,
}

impl TokenKey {
    /// The files in this folder.
    pub(crate) fn at(folder: &Path) -> Self {
        Self {
            private: folder.join("service-account.key"),
            public: folder.join("service-account.pub"),
        }
    }

    /// Makes a P-256 key and writes `service-account.key` and `service-account.pub`.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        let key = KeyPair::generate()?;
        let files = Self::at(folder);
        write_private(&files.private, &key.serialize_pem())?;
        write_private(&files.public, &key.public_key_pem())?;
        Ok(files)
    }
}
