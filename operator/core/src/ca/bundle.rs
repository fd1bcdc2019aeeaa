//! The roots that are trusted now.

use jiff::Timestamp;

use super::{CaCertificate, CaChain};

/// The trust bundle of an issuer: every root under which a valid certificate of it may exist,
/// each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    roots: Vec<CaCertificate>,
    pem: String,
}

impl Bundle {
    /// Collects the roots of the chains that have not expired, in the order of the chains.
    pub fn new<'a>(chains: impl IntoIterator<Item = &'a CaChain>, now: Timestamp) -> Self {
        let valid = chains.into_iter().filter(|chain| now < chain.not_after());
        let mut roots: Vec<CaCertificate> = Vec::new();
        for root in valid.flat_map(CaChain::roots) {
            if !roots.contains(root) {
                roots.push(root.clone());
            }
        }
        let pem = roots.iter().map(CaCertificate::pem).collect();
        Self { roots, pem }
    }

    /// Returns the roots.
    pub fn roots(&self) -> &[CaCertificate] {
        &self.roots
    }

    /// Returns the roots in PEM; empty if there are none.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}
