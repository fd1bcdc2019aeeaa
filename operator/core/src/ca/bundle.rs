//! The roots that are trusted now.

use jiff::Timestamp;

use super::{CaCertificate, CaChain, order};

/// The trust bundle of an issuer, in PEM: every root under which a valid certificate of it may
/// exist, each once. Everything that publishes roots takes this value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle(String);

impl Bundle {
    /// Collects the roots of the chains that have not expired, in the order of the chains.
    pub fn new<'a>(chains: impl IntoIterator<Item = &'a CaChain>, now: Timestamp) -> Self {
        let valid = chains.into_iter().filter(|chain| now < chain.not_after());
        let roots = order::unique(valid.flat_map(CaChain::roots));
        Self(roots.iter().map(CaCertificate::pem).collect())
    }

    /// Returns the roots; empty if there are none.
    pub fn pem(&self) -> &str {
        &self.0
    }
}
