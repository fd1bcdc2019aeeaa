//! What is signed in these tests: a self-signed root.

use std::time::Duration;

use jiff::Timestamp;
use signet_core::issue::{CertificateToSign, SelfSigned};
use signet_keys::Signer;

/// 2026-06-01T00:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_780_272_000, 0);

/// The root over the signer's key. Another `uid` gives other bytes.
pub(crate) fn to_be_signed(signer: &dyn Signer, uid: &str) -> CertificateToSign {
    to_be_signed_of(signer, uid, 0)
}

/// The same, of so many bytes at least.
pub(crate) fn to_be_signed_of(signer: &dyn Signer, uid: &str, bytes: usize) -> CertificateToSign {
    // Within the upper bound of an organizational unit's name (RFC 5280 appendix A.1).
    let unit = format!(",OU={}", "x".repeat(60));
    let subject = format!("CN=Root{}", unit.repeat(bytes.div_ceil(60)));
    let root = SelfSigned {
        uid: uid.to_owned(),
        subject: subject.parse().unwrap(),
        duration: Duration::from_secs(24 * 3600),
        path_length: None,
        trust_domain: None,
    };
    root.to_be_signed(signer.public_key(), signer.algorithm(), NOW)
        .unwrap()
}
