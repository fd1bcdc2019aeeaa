//! Why nothing is written to the Secret of a mesh now.

use jiff::Timestamp;

use super::Situation;
use crate::duration;
use crate::mesh::secret::{Mesh, RootsFile, SigningCa};

/// What passes by itself. Each message follows the name of the MeshCA.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wait {
    /// The mesh shows other roots than those that were written last.
    #[error(
        "waits until the mesh has loaded the roots that were written; if it has not by {0}, they \
         are put back"
    )]
    Loading(Timestamp),
    /// The last write is not everywhere yet.
    #[error("waits until {0}, when every part of the mesh has loaded what was written last")]
    Propagation(Timestamp),
    /// Certificates under a root that is to be removed may still be valid.
    #[error("waits until {0} to remove roots, when the certificates under them have expired")]
    Leaves(Timestamp),
}

impl Wait {
    /// Returns when the wait ends by itself.
    pub fn until(&self) -> Timestamp {
        match self {
            Self::Loading(until) | Self::Propagation(until) | Self::Leaves(until) => *until,
        }
    }
}

/// What a person has to do something about. Each message states what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Hold {
    /// The mesh refused changed roots.
    #[error(
        "the mesh did not load its changed roots within {propagation}, and has the earlier ones \
         back; {reload}. Signet tries again at {until}"
    )]
    NotLoaded {
        /// How long it had.
        propagation: String,
        /// What makes the mesh load them.
        reload: &'static str,
        /// When the roots are changed again.
        until: Timestamp,
    },
    /// The mesh runs with another CA, which this Secret is to replace.
    #[error(
        "the mesh trusts {loaded}, and workloads would refuse certificates below another root; set \
         spec.adopt to take over the CA that the mesh has, and rotate from there; or, if nothing of \
         the mesh runs, delete the ConfigMap istio-ca-root-cert"
    )]
    OtherCa {
        /// The subjects of the roots that the mesh has.
        loaded: String,
    },
    /// The mesh runs with another CA, although the Secret has this one.
    #[error(
        "the mesh trusts {loaded}, and none of the roots in its Secret; restart it, so that it \
         reads the Secret, or {reload}"
    )]
    NotRead {
        /// The subjects of the roots that the mesh has.
        loaded: String,
        /// What makes the mesh load changed roots.
        reload: &'static str,
    },
    /// The CA's root is not among those that are trusted.
    #[error("no trusted root is above {0}; add its root to the trusted roots")]
    NoRoot(String),
}

impl Hold {
    /// Returns when the hold ends by itself.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::NotLoaded { until, .. } => Some(*until),
            Self::OtherCa { .. } | Self::NotRead { .. } | Self::NoRoot(_) => None,
        }
    }

    pub(super) fn not_loaded(situation: &Situation<'_>, until: Timestamp) -> Self {
        Self::NotLoaded {
            propagation: duration::text(situation.seen.propagation),
            reload: situation.seen.mesh.reload(),
            until,
        }
    }

    /// Returns the hold of a mesh that has loaded these roots, and gets no CA below others.
    pub fn other_ca(loaded: &RootsFile) -> Self {
        Self::OtherCa {
            loaded: subjects(loaded),
        }
    }

    pub(super) fn not_read(loaded: &RootsFile, mesh: &Mesh) -> Self {
        Self::NotRead {
            loaded: subjects(loaded),
            reload: mesh.reload(),
        }
    }

    pub(super) fn no_root(ca: &SigningCa) -> Self {
        Self::NoRoot(subject(ca))
    }
}

fn subject(ca: &SigningCa) -> String {
    ca.certificate().subject().to_owned()
}

fn subjects(roots: &RootsFile) -> String {
    let subjects: Vec<_> = roots.certificates().map(|root| root.subject()).collect();
    subjects.join(" and ")
}
