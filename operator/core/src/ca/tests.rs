//! Tests of the chain: reading CA certificates, ordering them, and checking what came out.

mod bundle;
mod certificate;
mod hostile;
mod name_constraints;
mod offer;
mod order;
mod path_length;
mod pem;
mod roots;
mod round_trip;

use crate::ca::{CaChain, ChainError};
use crate::fixtures::NOW;
use crate::fixtures::certificate::Parts;
use crate::fixtures::key::Key;

/// A root, an intermediate and an issuing CA.
pub(crate) struct Three {
    pub(crate) root: Parts,
    pub(crate) middle: Parts,
    pub(crate) issuing: Parts,
}

impl Three {
    pub(crate) fn new() -> Self {
        let root = Parts::root("root", &Key::p256(1));
        let middle = Parts::intermediate("middle", &Key::p256(2), &root);
        let issuing = Parts::intermediate("issuing", &Key::p256(3), &middle);
        Self {
            root,
            middle,
            issuing,
        }
    }
}

fn pem(certificates: &[&Parts]) -> String {
    certificates.iter().map(|parts| parts.pem()).collect()
}

/// The chain of a Secret with these certificates in `tls.crt` and in `ca.crt`.
pub(crate) fn read(tls_crt: &[&Parts], ca_crt: &[&Parts]) -> Result<CaChain, ChainError> {
    CaChain::from_pem(pem(tls_crt).as_bytes(), Some(pem(ca_crt).as_bytes()), NOW)
}

/// The common names of path and roots, without their `CN=`.
fn names(chain: &CaChain) -> (Vec<&str>, Vec<&str>) {
    (
        chain.path().iter().map(|one| &one.subject()[3..]).collect(),
        chain
            .roots()
            .iter()
            .map(|one| &one.subject()[3..])
            .collect(),
    )
}
