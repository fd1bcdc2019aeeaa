//! What stands for a CSR in a PodCertificateRequest: a key and its proof of possession, and no
//! names (PCR-2).

use super::{Csr, CsrError, Fields, RequestedExtensions, check_size};
use crate::request::BareKey;
use crate::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use crate::x509::names::{DistinguishedName, EMPTY_NAME};
use crate::x509::public_key::PublicKey;

impl Csr {
    /// Reads a stub CSR in DER. The API server leaves its contents to signers, and a kubelet's is
    /// empty: another client made one with names, which Signet must not appear to have granted.
    ///
    /// # Errors
    /// As [`Self::from_der`], and if there is a subject or an attribute.
    pub fn from_stub(der: &[u8]) -> Result<Self, CsrError> {
        let csr = Self::from_der(der)?;
        if !csr.subject.is_empty {
            return Err(CsrError::NotStub("a subject"));
        }
        if csr.has_attributes {
            return Err(CsrError::NotStub("attributes or extensions"));
        }
        Ok(csr)
    }

    /// Reads a key without a CSR, and checks the signature over the pod's UID.
    ///
    /// # Errors
    /// The key cannot be certified, or the signature is not its own over this UID.
    pub fn from_bare_key(key: &BareKey, pod_uid: &str) -> Result<Self, CsrError> {
        check_size(&key.spki)?;
        check_size(&key.proof)?;
        let public_key = PublicKey::from_spki_der(&key.spki)?;
        let message = pod_uid.as_bytes();
        let verified = match public_key.algorithm() {
            KeyAlgorithm::Rsa { .. } => public_key.verify_pss_any_salt(message, &key.proof),
            KeyAlgorithm::Ed25519 => {
                public_key.verify(SignatureAlgorithm::Ed25519, message, &key.proof)
            }
            KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 | KeyAlgorithm::EcP521 => {
                public_key.verify(SignatureAlgorithm::EcdsaSha256, message, &key.proof)
            }
        };
        verified.map_err(|_| CsrError::BareKeyProof)?;
        Ok(Self(Fields {
            subject_der: EMPTY_NAME.to_vec(),
            subject: DistinguishedName::read(&EMPTY_NAME, "subject")?,
            public_key,
            extensions: RequestedExtensions::default(),
            has_attributes: false,
        }))
    }
}
