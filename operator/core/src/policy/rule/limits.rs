//! The limits of a rule.

use std::collections::BTreeSet;
use std::time::Duration;

use const_oid::ObjectIdentifier;
use x509_cert::der::flagset::FlagSet;
use x509_cert::ext::pkix::KeyUsages;

/// The limits of the certificates of a rule. None of these widens those of the issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleLimits {
    /// The lifetime of a request that names none.
    pub default_duration: Option<Duration>,
    /// The minimum: a request for less is not allowed by this rule.
    pub min_duration: Option<Duration>,
    /// The maximum: a request for more is shortened to it.
    pub max_duration: Option<Duration>,
    /// The usages that may be requested; none is all that the issuer allows.
    pub usages: Option<AllowedUsages>,
    /// The keys that may be certified; none is all that the issuer certifies.
    pub keys: Option<Vec<KeyRule>>,
}

/// Usages, as in `spec.usages` of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedUsages {
    /// The key usages.
    pub key: FlagSet<KeyUsages>,
    /// The extended key usages.
    pub extended: BTreeSet<ObjectIdentifier>,
}

/// A kind of key, and its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRule {
    /// RSA of these sizes.
    Rsa(KeySizes),
    /// ECDSA over a NIST curve of these sizes.
    Ecdsa(KeySizes),
    /// Ed25519.
    Ed25519,
}

/// Sizes of keys in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySizes {
    /// The minimum.
    pub min: u32,
    /// The maximum, if there is one.
    pub max: Option<u32>,
}

impl KeySizes {
    /// Returns the sizes from this one on.
    pub const fn at_least(min: u32) -> Self {
        Self { min, max: None }
    }

    /// Returns one size.
    pub const fn exactly(size: u32) -> Self {
        Self {
            min: size,
            max: Some(size),
        }
    }

    /// Whether a size is among them.
    pub fn contains(self, size: u32) -> bool {
        size >= self.min && self.max.is_none_or(|max| size <= max)
    }
}
