//! The file of roots of a mesh, whose bytes matter.

use std::ops::Range;

use crate::ca::offer::Refusal;
use crate::ca::{CaCertificate, ChainError, pem};

/// Roots in PEM, byte for byte as they were read or written, in their order. There is at least
/// one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootsFile {
    text: String,
    /// Each with the place in the text where its block begins.
    roots: Vec<(usize, CaCertificate)>,
}

impl RootsFile {
    /// Reads a file as a mesh has it, which may have text around its blocks.
    ///
    /// # Errors
    /// A block is not the certificate of a CA, or there is none.
    pub fn read(file: &[u8]) -> Result<Self, Refusal> {
        if let Some(label) = pem::other_label(file) {
            return Err(Refusal::OtherBlock(label));
        }
        let certificates = CaCertificate::all_from_pem(file)?;
        if certificates.is_empty() {
            return Err(ChainError::Empty.into());
        }
        let text = String::from_utf8_lossy(file).into_owned();
        let places = text.match_indices(pem::BEGIN).map(|(place, _)| place);
        let roots = places.zip(certificates).collect();
        Ok(Self { text, roots })
    }

    /// Writes roots in their order, each once; none if there are none.
    pub fn of<'a>(roots: impl IntoIterator<Item = &'a CaCertificate>) -> Option<Self> {
        let empty = Self {
            text: String::new(),
            roots: Vec::new(),
        };
        let file = empty.appended(roots);
        (!file.roots.is_empty()).then_some(file)
    }

    /// Returns the file.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the roots in their order.
    pub fn certificates(&self) -> impl DoubleEndedIterator<Item = &CaCertificate> {
        self.roots.iter().map(|(_, root)| root)
    }

    /// Returns whether the root is in the file.
    pub fn contains(&self, root: &CaCertificate) -> bool {
        self.certificates().any(|one| one == root)
    }

    /// Returns whether every root of the other is in this one.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.certificates().all(|root| self.contains(root))
    }

    /// Returns whether both have the same roots, in any order.
    pub fn has_same_roots(&self, other: &Self) -> bool {
        self.contains_all(other) && other.contains_all(self)
    }

    /// Returns the file with further roots after what it has now, each once.
    pub(in crate::mesh) fn appended<'a>(
        &self,
        more: impl IntoIterator<Item = &'a CaCertificate>,
    ) -> Self {
        let mut longer = self.clone();
        for root in more {
            if longer.contains(root) {
                continue;
            }
            if !longer.text.is_empty() && !longer.text.ends_with('\n') {
                longer.text.push('\n');
            }
            longer.roots.push((longer.text.len(), root.clone()));
            longer.text += &root.pem();
        }
        longer
    }

    /// Returns these roots (counted from 0) as the piece of the file that has them; none if it
    /// would have no root.
    pub(in crate::mesh) fn piece(&self, range: Range<usize>) -> Option<Self> {
        let roots = self.roots.get(range.clone())?;
        let start = roots.first()?.0;
        let next = self.roots.get(range.end);
        let end = next.map_or(self.text.len(), |(place, _)| *place);
        let roots = roots.iter();
        Some(Self {
            text: self.text[start..end].to_owned(),
            roots: roots
                .map(|(place, root)| (place - start, root.clone()))
                .collect(),
        })
    }
}
