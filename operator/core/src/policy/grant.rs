//! The grant: leaves and subordinate CAs are built only from one.

use std::ops::Deref;
use std::time::Duration;

use super::{Cap, Shortening};
use crate::spiffe::SpiffeId;
use crate::x509::names::SubjectAltNames;
use crate::x509::public_key::PublicKey;
use crate::x509::usages::Usages;

/// Exactly what may be certified. Only [`decide`](super::decide) makes one.
#[derive(Clone, Debug)]
pub struct Grant(pub(super) Terms);

/// What a grant allows.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The UID of the request.
    pub request_uid: String,
    /// The name of the rule that allows it.
    pub rule: String,
    /// The subject, as the raw DER of a Name.
    pub subject_der: Vec<u8>,
    /// The subjectAltName.
    pub subject_alt_names: Option<SubjectAltNames>,
    /// The key to be certified.
    pub public_key: PublicKey,
    /// The exact usages.
    pub usages: Usages,
    /// The names of the requested key usages that the certificate does not carry.
    pub dropped_usages: Vec<&'static str>,
    /// The lifetime, which the CA's expiry may still shorten (PKI-6).
    pub duration: Duration,
    /// What shortened the requested lifetime, if anything did.
    pub cap: Option<Cap>,
    /// How far the CA's expiry may shorten the lifetime.
    pub shortening: Shortening,
    /// Leaf or CA.
    pub kind: Kind,
    /// The raw value of a CA's nameConstraints, if the CSR has them (CM-9).
    pub name_constraints: Option<Vec<u8>>,
    /// The SPIFFE ID of a leaf, if the issuer speaks for a trust domain.
    pub spiffe_id: Option<SpiffeId>,
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

impl Deref for Grant {
    type Target = Terms;

    fn deref(&self) -> &Terms {
        &self.0
    }
}
