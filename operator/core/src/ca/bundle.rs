//! The roots that are trusted now.

use super::{CaCertificate, ChainError, order, pem};

/// The trust bundle of an issuer, in PEM: every root under which a valid certificate of it may
/// exist, each once. Everything that publishes roots takes this value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    roots: Vec<String>,
    pem: String,
}

impl Bundle {
    /// Collects roots in their order, each once.
    pub fn of<'a>(roots: impl IntoIterator<Item = &'a CaCertificate>) -> Self {
        let roots = order::unique(roots.into_iter());
        let roots: Vec<_> = roots.iter().map(CaCertificate::pem).collect();
        let pem = roots.concat();
        Self { roots, pem }
    }

    /// Reads the roots of a bundle that was published, or of two.
    ///
    /// # Errors
    /// It is not what Signet writes.
    pub fn read(pem: &str) -> Result<Vec<CaCertificate>, ChainError> {
        pem::read_bundle(pem.as_bytes())
    }

    /// Returns the roots; empty if there are none.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Returns the roots with one of them first, as a request has them: cert-manager's CA issuer
    /// reads only the first block of `ca.crt`, which has to be the root of the certificate beside it.
    pub fn beginning_with(&self, root: &CaCertificate) -> String {
        let first = root.pem();
        let others = self.roots.iter().filter(|other| **other != first);
        let others: String = others.map(String::as_str).collect();
        first + &others
    }
}
