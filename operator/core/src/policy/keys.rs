//! Which keys a rule certifies.

use std::fmt;

use super::Denial;
use super::rule::{KeyRule, KeySizes, Rule};
use crate::reason::Reason;
use crate::request::Request;
use crate::x509::algorithm::KeyAlgorithm;

/// Refuses a key that is not in the rule's list.
pub(super) fn check(request: &Request, rule: &Rule) -> Result<(), Denial> {
    let Some(keys) = &rule.allow.limits.keys else {
        return Ok(());
    };
    let key = request.csr.public_key.algorithm();
    if keys.iter().any(|allowed| allowed.allows(key)) {
        return Ok(());
    }
    let allowed: Vec<_> = keys.iter().map(ToString::to_string).collect();
    Err(Reason::UnsupportedKey.denial(format!(
        "the rule does not allow a key of type {key}; use one of: {}",
        allowed.join(", ")
    )))
}

impl KeyRule {
    fn allows(self, key: KeyAlgorithm) -> bool {
        match (self, key) {
            (Self::Rsa(sizes), KeyAlgorithm::Rsa { bits }) => sizes.contains(bits),
            (Self::Ecdsa(sizes), KeyAlgorithm::EcP256) => sizes.contains(256),
            (Self::Ecdsa(sizes), KeyAlgorithm::EcP384) => sizes.contains(384),
            (Self::Ecdsa(sizes), KeyAlgorithm::EcP521) => sizes.contains(521),
            (Self::Ed25519, KeyAlgorithm::Ed25519) => true,
            _ => false,
        }
    }
}

impl fmt::Display for KeyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(sizes) => write!(f, "RSA of {sizes} bits"),
            Self::Ecdsa(sizes) => write!(f, "ECDSA of {sizes} bits"),
            Self::Ed25519 => f.write_str("Ed25519"),
        }
    }
}

impl fmt::Display for KeySizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (min, None) => write!(f, "at least {min}"),
            (min, Some(max)) if min == max => write!(f, "{min}"),
            (min, Some(max)) => write!(f, "{min} to {max}"),
        }
    }
}
