//! Which key usages a certificate can have, by its kind and its key.

use x509_cert::der::flagset::FlagSet;
use x509_cert::ext::pkix::KeyUsages;

use super::Kind;
use crate::x509::algorithm::KeyAlgorithm;

/// Returns those of the requested bits that fit, and those that the kind of certificate always
/// has: digitalSignature on a leaf (X5-14), keyCertSign and cRLSign on a CA (X5-13), which has
/// digitalSignature too if it is requested.
pub(super) fn granted(
    requested: FlagSet<KeyUsages>,
    kind: Kind,
    key: KeyAlgorithm,
) -> FlagSet<KeyUsages> {
    match kind {
        Kind::Leaf => fitting(requested, key) | KeyUsages::DigitalSignature,
        Kind::Ca { .. } => {
            (requested & KeyUsages::DigitalSignature) | KeyUsages::KeyCertSign | KeyUsages::CRLSign
        }
    }
}

/// Drops what a key of this algorithm cannot do, and what has no meaning without keyAgreement (RFC
/// 5280 4.2.1.3).
fn fitting(requested: FlagSet<KeyUsages>, key: KeyAlgorithm) -> FlagSet<KeyUsages> {
    let usages = requested - unfit(key);
    if usages.contains(KeyUsages::KeyAgreement) {
        usages
    } else {
        usages - (KeyUsages::EncipherOnly | KeyUsages::DecipherOnly)
    }
}

/// Returns the bits that the standard of the algorithm does not list.
fn unfit(key: KeyAlgorithm) -> FlagSet<KeyUsages> {
    let encipherment = KeyUsages::KeyEncipherment | KeyUsages::DataEncipherment;
    match key {
        // RFC 3279 2.3.1.
        KeyAlgorithm::Rsa { .. } => KeyUsages::KeyAgreement.into(),
        // RFC 8813 3.
        KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 | KeyAlgorithm::EcP521 => encipherment,
        // RFC 9295 3.
        KeyAlgorithm::Ed25519 => encipherment | KeyUsages::KeyAgreement,
    }
}
