//! The names of CertificateRequests. Pure.

use signet_core::issue::Csr;

use crate::issuer_name::IssuerName;

/// How much of an issuer's name is in them, in bytes. With few generations and attempts, a name has
/// at most 63 bytes.
const MAX_ISSUER: usize = 28;
/// How much of the CSR's SHA-256 is in them, in hex digits.
const HASH: usize = 10;

/// What the name of a request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::issuers) struct RequestName {
    pub(in crate::issuers) generation: u32,
    /// Counted from 1 for each CSR.
    pub(in crate::issuers) attempt: u32,
    /// The start of the CSR's SHA-256. A number recurs when a cluster was restored.
    hash: String,
}

impl RequestName {
    pub(in crate::issuers) fn new(generation: u32, attempt: u32, csr: &Csr) -> Self {
        Self {
            generation,
            attempt,
            hash: csr.fingerprint().chars().take(HASH).collect(),
        }
    }

    /// Reads the name of a request, if it is one of the issuer's.
    pub(in crate::issuers) fn parse(issuer: &IssuerName, name: &str) -> Option<Self> {
        let rest = name.strip_prefix(&*prefix(issuer))?.strip_prefix('-')?;
        let [generation, attempt, hash] = rest.split('-').collect::<Vec<_>>().try_into().ok()?;
        let read = Self {
            generation: generation.parse().ok()?,
            attempt: attempt.parse().ok()?,
            hash: hash.to_owned(),
        };
        // Another spelling of a number is another name.
        (read.for_issuer(issuer) == name && hash.len() == HASH).then_some(read)
    }

    pub(in crate::issuers) fn for_issuer(&self, issuer: &IssuerName) -> String {
        let prefix = prefix(issuer);
        format!(
            "{prefix}-{}-{}-{}",
            self.generation, self.attempt, self.hash
        )
    }

    /// Whether it is for this CSR.
    pub(in crate::issuers) fn is_for(&self, csr: &Csr) -> bool {
        csr.fingerprint().starts_with(&self.hash)
    }

    /// Returns the name of another attempt.
    pub(in crate::issuers) fn with_attempt(&self, attempt: u32) -> Self {
        Self {
            attempt,
            ..self.clone()
        }
    }
}

/// Returns what the names of an issuer's requests begin with, which is also the value of their label.
/// Issuers with long names may share it; the rest of a name tells them apart.
pub(in crate::issuers) fn prefix(issuer: &IssuerName) -> String {
    let end = issuer.name.floor_char_boundary(MAX_ISSUER);
    let name = issuer.name[..end].trim_end_matches(['-', '.']);
    format!("{}-{name}", issuer.kind.as_str().to_lowercase())
}
