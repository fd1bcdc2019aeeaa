//! What came out: a certificate whose signature was checked, with its chain.

use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Encode, Sequence};
use jiff::Timestamp;

use super::{Signature, ToBeSigned, Window};
use crate::ca::{CaCertificate, CaChain, ChainError, pem};

/// An issued certificate. Making one checks it: the signature verifies under the CA's public
/// key, and the certificate fits inside its chain. Nothing unchecked is ever published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    certificate: Vec<u8>,
    chain_pem: String,
    window: Window,
}

/// Certificate of RFC 5280 4.1.
#[derive(Sequence)]
struct Certificate<'a> {
    tbs_certificate: AnyRef<'a>,
    signature_algorithm: AnyRef<'a>,
    signature: BitStringRef<'a>,
}

impl Issued {
    /// Puts the signature to the bytes and checks the result against the chain.
    ///
    /// # Errors
    /// The signature is wrong, or the bytes were not built under this chain.
    pub fn assemble(
        tbs: &ToBeSigned,
        signature: &Signature,
        chain: &CaChain,
    ) -> Result<Self, ChainError> {
        if !tbs.fits(chain) {
            return Err(ChainError::OutsideChain);
        }
        let certificate = assemble(tbs, signature)?;
        let mut chain_pem = pem::write(&certificate)?;
        for intermediate in chain.intermediates() {
            chain_pem.push_str(&intermediate.pem());
        }
        Ok(Self {
            certificate,
            chain_pem,
            window: tbs.window(),
        })
    }

    /// The certificate's DER.
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    /// Leaf first, then the intermediates, without the self-signed root (rule A2-13).
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// The last second of validity.
    pub fn not_after(&self) -> Timestamp {
        self.window.not_after()
    }

    /// Whether the CA's own end cut the lifetime that was granted.
    pub fn is_clamped(&self) -> bool {
        self.window.is_clamped()
    }
}

/// Puts the signature to an issuer's own root and reads the result back as a CA certificate.
///
/// # Errors
/// The signature is wrong, or what came out is no self-signed CA certificate.
pub fn assemble_root(tbs: &ToBeSigned, signature: &Signature) -> Result<CaCertificate, ChainError> {
    let root = CaCertificate::from_der(&assemble(tbs, signature)?)?;
    if root.is_self_signed() {
        Ok(root)
    } else {
        Err(ChainError::OutsideChain)
    }
}

fn assemble(tbs: &ToBeSigned, signature: &Signature) -> Result<Vec<u8>, ChainError> {
    tbs.signer()
        .verify(tbs.algorithm(), tbs.der(), signature.as_bytes())
        .map_err(|_| ChainError::SignatureMismatch)?;
    let encoding = |error: der::Error| ChainError::Encoding(error.to_string());
    let algorithm = tbs.algorithm().algorithm_identifier_der();
    Certificate {
        tbs_certificate: AnyRef::from_der(tbs.der()).map_err(encoding)?,
        signature_algorithm: AnyRef::from_der(&algorithm).map_err(encoding)?,
        signature: BitStringRef::from_bytes(signature.as_bytes()).map_err(encoding)?,
    }
    .to_der()
    .map_err(encoding)
}
