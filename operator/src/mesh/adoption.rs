//! A CA that a mesh had before Signet, and that is taken over. Pure.

use jiff::Timestamp;
use signet_core::ca::{CaCertificate, CaChain};
use signet_core::mesh::secret::{Contents, SecretError};
use zeroize::Zeroizing;

use super::keys::NewKey;

/// The CA of a mesh, which becomes the first generation as it is.
#[derive(Clone, Debug)]
pub(crate) struct Adoptable {
    pub(crate) chain: CaChain,
    /// The roots that the mesh trusts besides the CA's own.
    pub(crate) other_roots: Vec<CaCertificate>,
    pub(crate) key: NewKey,
}

impl Adoptable {
    pub(super) fn of(contents: &Contents, now: Timestamp) -> Result<Self, SecretError> {
        let chain = contents.chain(now)?;
        let own = chain.path().last();
        let roots = contents.roots.certificates();
        Ok(Self {
            other_roots: roots.filter(|root| Some(*root) != own).cloned().collect(),
            key: NewKey {
                entry: contents.ca.key_identifier(),
                pem: Zeroizing::new(contents.ca.key().expose().to_vec()),
            },
            chain,
        })
    }
}
