//! The roots that are trusted now.

use jiff::Timestamp;

use super::{CaCertificate, CaChain, order};

/// Returns the trust bundle of an issuer in PEM: every root under which a valid certificate of it
/// may exist, each once, in the order of the chains. It is empty if there are none.
pub fn bundle<'a>(chains: impl IntoIterator<Item = &'a CaChain>, now: Timestamp) -> String {
    let valid = chains.into_iter().filter(|chain| now < chain.not_after());
    let roots = order::unique(valid.flat_map(CaChain::roots));
    roots.iter().map(CaCertificate::pem).collect()
}
