//! A CA generation: a key and, once its parent has signed it, its certificate.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;

use super::{CaCertificate, CaChain, Lifetimes};

/// The facts of one generation. Each optional fact is set once, by one write, after the check that
/// justifies it; the lifetimes only grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Counted from 1.
    pub number: u32,
    /// The SHA-256 of its key's SubjectPublicKeyInfo, in hex.
    pub key: String,
    /// What it was made for.
    pub purpose: Purpose,
    /// When it was created.
    pub prepared: Timestamp,
    /// Its certificate, once there is one.
    pub certified: Option<Certified>,
    /// When its root was in the bundle, wherever that is published.
    pub published: Option<Timestamp>,
    /// When it began to sign.
    pub activated: Option<Timestamp>,
    /// When another took its place, or it was no longer wanted.
    pub superseded: Option<Timestamp>,
    /// The longest lifetimes granted under it.
    pub lifetimes: Lifetimes,
    /// The end of the last root that it inherited from a lost CA; none if it inherited none. It is
    /// kept until then.
    pub inherits_until: Option<Timestamp>,
}

/// What a generation was made for. A spec that asks for something else starts another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purpose {
    /// The name of the key in `spec.key`.
    pub key_name: String,
    /// Source, subject, duration and path length of `spec.certificate`, as a digest.
    pub certificate: String,
    /// The `spec.rotation.requestID` that it answers.
    pub request_id: Option<String>,
    /// The `spec.rotation.rollbackTo` during which it was made.
    pub rollback_to: Option<String>,
}

/// What the lifecycle has to know of a CA certificate and those above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// The SHA-256 of the CA certificate, in hex.
    pub fingerprint: String,
    /// The start of the validity of the whole path.
    pub not_before: Timestamp,
    /// The end of the validity of the whole path.
    pub not_after: Timestamp,
    /// The trust anchor of the path.
    pub root: Root,
}

/// A trust anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The SHA-256 of the certificate, in hex.
    pub fingerprint: String,
    /// What makes two certificates the same CA: the SHA-256 of the subject, in hex, and the key's.
    pub ca: (String, String),
    /// The end of its own validity.
    pub not_after: Timestamp,
    /// The length of its PEM, in bytes.
    pub size: usize,
}

impl Root {
    /// Returns the fingerprint of its key.
    pub fn key(&self) -> &str {
        &self.ca.1
    }
}

impl From<&CaCertificate> for Root {
    fn from(root: &CaCertificate) -> Self {
        Self {
            fingerprint: hex::encode(root.fingerprint()),
            ca: (
                hex::encode(digest(&SHA256, root.subject_der())),
                root.public_key().fingerprint(),
            ),
            not_after: root.not_after(),
            size: root.pem().len(),
        }
    }
}

impl From<&CaChain> for Certified {
    fn from(chain: &CaChain) -> Self {
        Self {
            fingerprint: hex::encode(chain.issuing().fingerprint()),
            not_before: chain.not_before(),
            not_after: chain.not_after(),
            root: chain.path().last().unwrap_or(chain.issuing()).into(),
        }
    }
}
