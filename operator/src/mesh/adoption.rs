//! A CA that a mesh had before Signet, and that is taken over. Pure.

use jiff::Timestamp;
use signet_core::ca::{CaCertificate, CaChain};
use signet_core::mesh::rollout::Hold;
use signet_core::mesh::secret::{Contents, SecretError};
use zeroize::Zeroizing;

use super::keys::NewKey;
use super::observe::Observed;
use super::reason::MeshReason;

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

impl Observed {
    /// Returns why a MeshCA makes no first CA for this mesh: it has another one, which would be taken
    /// over if it were the first, and only then. So a mesh that runs gets none while it is not known
    /// which roots are to be trusted: those of its CA may not be among them.
    pub(crate) fn obstacle(&self, trusted: &[CaCertificate]) -> Option<(MeshReason, String)> {
        if let Some(refusal) = self.refusal() {
            return Some((MeshReason::ForeignObject, refusal));
        }
        let invalid = self.contents.as_ref().err();
        let unfit = || self.adoptable.as_ref()?.as_ref().err();
        if let Some(error) = invalid.or_else(unfit) {
            return Some((MeshReason::InvalidObject, error.to_string()));
        }
        let loaded = self.loaded.as_ref().filter(|loaded| {
            let is_trusted = |root| trusted.contains(root);
            !loaded.certificates().any(is_trusted)
        })?;
        // Where no root is known yet, to adopt is a way out.
        let takes_over = match trusted.is_empty() {
            true => self.adopts,
            false => self.adoptable.is_some(),
        };
        let is_other = !takes_over && matches!(self.contents, Ok(None));
        let hold = || Hold::other_ca(loaded).to_string();
        is_other.then(|| (MeshReason::OtherCa, hold()))
    }
}
