//! How istiod compares the roots it has with those in a changed file, with
//! `ISTIO_MULTIROOT_MESH=true` (pilot/pkg/bootstrap/istio_ca.go). Without it, istiod accepts no
//! changed byte.

use crate::mesh::secret::RootsFile;

/// Istio up to 1.29: the bytes of one file are a piece of the other.
pub(super) fn accepted_as_bytes(old: &RootsFile, new: &RootsFile) -> bool {
    old.as_str().contains(new.as_str()) || new.as_str().contains(old.as_str())
}

/// Istio from 1.30 on: the certificates of one file are all in the other.
pub(super) fn accepted_as_sets(old: &RootsFile, new: &RootsFile) -> bool {
    old.contains_all(new) || new.contains_all(old)
}

/// Any version.
pub(super) fn is_accepted(old: &RootsFile, new: &RootsFile) -> bool {
    accepted_as_bytes(old, new) && accepted_as_sets(old, new)
}
