//! One write to the Secret of a mesh, which is legal by how it is made: each constructor makes one
//! change to what the Secret has, and returns none if there is nothing to change or the mesh would
//! trust no root of its CA.

use super::comparison::is_accepted;
use crate::ca::CaCertificate;
use crate::mesh::secret::{Contents, RootChanges, RootsFile, SigningCa};

/// What the Secret is to have, and what is new in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    contents: Contents,
    change: Change,
}

/// What a write changes. The messages are for an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Change {
    /// There was no CA.
    #[error("wrote the CA certificate of {0} and its roots")]
    First(String),
    /// An entry was missing or different.
    #[error("completed the mesh's objects, of which one lacked the roots that the other has")]
    Complete,
    /// Roots were added after the others.
    #[error("added the root {0}; the other roots and the CA are unchanged")]
    Append(String),
    /// The CA certificate, the certificates above it, or the key.
    #[error("replaced the CA certificate by that of {0}; the roots are unchanged")]
    Swap(String),
    /// Roots were removed.
    #[error("removed the root {0}; the other roots and the CA are unchanged")]
    Remove(String),
    /// The roots that the mesh has were put back.
    #[error(
        "put back the roots that the mesh has loaded, because it did not load the changed ones; the \
         CA is unchanged"
    )]
    PutBack,
}

impl Write {
    /// Returns what the Secret is to have.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Returns what is new in it.
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// Writes a CA where there was none.
    pub(super) fn first(ca: &SigningCa, roots: RootsFile) -> Option<Self> {
        let change = Change::First(ca.certificate().subject().to_owned());
        Self::new(ca.clone(), roots, change)
    }

    /// Writes to every entry what the mesh reads from one.
    pub(super) fn complete(current: &Contents) -> Self {
        Self {
            contents: current.clone(),
            change: Change::Complete,
        }
    }

    /// Adds those of the roots that are missing, at the end.
    pub(super) fn append(current: &Contents, wanted: &[CaCertificate]) -> Option<Self> {
        let missing = wanted.iter().filter(|root| !current.roots.contains(root));
        let missing: Vec<_> = missing.collect();
        if missing.is_empty() {
            return None;
        }
        let change = Change::Append(subjects(&missing));
        Self::new(current.ca.clone(), current.roots.appended(missing), change)
    }

    /// Replaces the CA under the roots that are there.
    pub(super) fn swap(current: &Contents, ca: &SigningCa) -> Option<Self> {
        if current.ca == *ca {
            return None;
        }
        let change = Change::Swap(ca.certificate().subject().to_owned());
        Self::new(ca.clone(), current.roots.clone(), change)
    }

    /// Removes what is not wanted, as far as the mesh accepts it at once.
    pub(super) fn remove(
        current: &Contents,
        wanted: &[CaCertificate],
        allowed: RootChanges,
    ) -> Option<Self> {
        let is_wanted = |root: &&CaCertificate| wanted.contains(root);
        let all: Vec<_> = current.roots.certificates().collect();
        let kept = match allowed {
            RootChanges::Any => RootsFile::of(all.iter().copied().filter(is_wanted))?,
            RootChanges::Contiguous => {
                let first = all.iter().position(is_wanted)?;
                let last = all.iter().rposition(is_wanted)?;
                current.roots.piece(first..last + 1)?
            }
        };
        let removed = all.into_iter().filter(|root| !kept.contains(root));
        let removed: Vec<_> = removed.collect();
        if removed.is_empty() {
            return None;
        }
        let change = Change::Remove(subjects(&removed));
        Self::new(current.ca.clone(), kept, change)
    }

    /// Goes back to the roots that the mesh has. None if Signet did not write them: then the mesh
    /// has never read this Secret.
    pub(super) fn put_back(current: &Contents, loaded: &RootsFile) -> Option<Self> {
        let is_earlier = is_accepted(&current.roots, loaded);
        is_earlier
            .then(|| Self::new(current.ca.clone(), loaded.clone(), Change::PutBack))
            .flatten()
    }

    fn new(ca: SigningCa, roots: RootsFile, change: Change) -> Option<Self> {
        roots.covers(&ca).then_some(Self {
            contents: Contents { ca, roots },
            change,
        })
    }
}

fn subjects(roots: &[&CaCertificate]) -> String {
    let subjects: Vec<_> = roots.iter().map(|root| root.subject()).collect();
    subjects.join(" and ")
}
