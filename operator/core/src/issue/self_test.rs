//! What a key signs to show that it can.

use std::ops::Deref;

use super::ToBeSigned;
use crate::x509::algorithm::SignatureAlgorithm;
use crate::x509::public_key::PublicKey;
use crate::x509::strict::tlv;

const UTF8_STRING: u8 = 0x0c;

/// A text that a key signs when it is connected.
///
/// It is a UTF8String in DER, and a TBSCertificate, a CertificationRequestInfo and a TBSCertList
/// are each a SEQUENCE: no reader can mistake the signed text for one of them. It names the key,
/// for the auditor of an HSM.
#[derive(Clone, Debug)]
pub struct SelfTest(ToBeSigned);

impl SelfTest {
    /// Returns the self-test of this key: the same bytes each time.
    pub fn new(key: &PublicKey, algorithm: SignatureAlgorithm) -> Self {
        let text = format!(
            "Signet self-test of the key with SHA-256 fingerprint {}. Not a certificate.",
            key.fingerprint()
        );
        let der = tlv(UTF8_STRING, text.as_bytes());
        Self(ToBeSigned::new(der, algorithm, key))
    }
}

impl Deref for SelfTest {
    type Target = ToBeSigned;

    fn deref(&self) -> &ToBeSigned {
        &self.0
    }
}
