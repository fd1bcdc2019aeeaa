//! The grant: leaves and subordinate CAs are built only from one.

use std::time::Duration;

use x509_cert::der::flagset::FlagSet;
use x509_cert::ext::pkix::KeyUsages;

use crate::spiffe::SpiffeId;
use crate::x509::names::SubjectAltNames;
use crate::x509::public_key::PublicKey;
use crate::x509::usages::{self, Usages};

/// Exactly what may be certified. Only [`decide`](super::decide) makes one.
#[derive(Clone, Debug)]
pub struct Grant {
    pub(super) request_uid: String,
    pub(super) subject: Vec<u8>,
    pub(super) subject_alt_names: Option<SubjectAltNames>,
    pub(super) public_key: PublicKey,
    pub(super) usages: Usages,
    pub(super) dropped_usages: FlagSet<KeyUsages>,
    pub(super) duration: Duration,
    pub(super) kind: Kind,
    pub(super) name_constraints: Option<Vec<u8>>,
    pub(super) spiffe_id: Option<SpiffeId>,
}

/// The kind of certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An end entity certificate: cA false.
    Leaf,
    /// A subordinate CA; it always has a path length (PKI-7).
    Ca {
        /// How many CAs may follow below it.
        path_length: u8,
    },
}

impl Grant {
    /// Returns the UID of the request.
    pub fn request_uid(&self) -> &str {
        &self.request_uid
    }

    /// Returns the subject, as the raw DER of a Name.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject
    }

    /// Returns the subjectAltName, if the certificate has one.
    pub fn subject_alt_names(&self) -> Option<&SubjectAltNames> {
        self.subject_alt_names.as_ref()
    }

    /// Returns the key to be certified.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Returns the exact usages.
    pub fn usages(&self) -> &Usages {
        &self.usages
    }

    /// Returns the names of the requested key usages that the certificate does not carry, for the
    /// requester to read.
    pub fn dropped_usages(&self) -> impl Iterator<Item = &'static str> {
        usages::names(self.dropped_usages)
    }

    /// Returns the lifetime, which the CA's expiry may still shorten (PKI-6).
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// Leaf or CA.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the raw value of a CA's nameConstraints, if the CSR has them (CM-9).
    pub fn name_constraints_der(&self) -> Option<&[u8]> {
        self.name_constraints.as_deref()
    }

    /// Returns the SPIFFE ID, when the issuer speaks for a trust domain and a leaf is issued.
    pub fn spiffe_id(&self) -> Option<&SpiffeId> {
        self.spiffe_id.as_ref()
    }
}
