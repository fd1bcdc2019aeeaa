//! An issued certificate, whose signature was checked, with its chain.

use aws_lc_rs::digest::{SHA256, digest};

use super::{CertificateToSign, IssueError, Signature, ValidityPeriod, svid};
use crate::ca::{CaCertificate, CaChain, pem};

/// An issued certificate. Making one checks it: the signature verifies under the CA's public
/// key, the certificate fits inside its chain, and in a trust domain a leaf is an X509-SVID. Nothing unchecked is ever published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    certificate: Vec<u8>,
    chain_pem: String,
    serial: String,
    window: ValidityPeriod,
}

impl Issued {
    /// Combines bytes and signature, and checks the result against the chain.
    ///
    /// # Errors
    /// The signature is wrong, the bytes were not built under this chain, or a leaf in a trust domain
    /// is not an X509-SVID.
    pub fn assemble(
        tbs: &CertificateToSign,
        signature: &Signature,
        chain: &CaChain,
    ) -> Result<Self, IssueError> {
        if !tbs.fits(chain) {
            return Err(IssueError::OutsideChain);
        }
        let certificate = tbs.combine(signature)?;
        if let Some(id) = tbs.spiffe_id() {
            svid::check(&certificate, id)?;
        }
        let mut chain_pem = pem::write(&certificate)?;
        for intermediate in chain.intermediates() {
            chain_pem.push_str(&intermediate.pem());
        }
        Ok(Self {
            certificate,
            chain_pem,
            serial: tbs.serial(),
            window: tbs.window(),
        })
    }

    /// Returns the certificate's DER.
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    /// Returns the SHA-256 of the certificate in lower-case hex.
    pub fn fingerprint(&self) -> String {
        hex::encode(digest(&SHA256, &self.certificate))
    }

    /// Returns the serial number in lower-case hex.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Leaf first, then the intermediates, without the self-signed root (rule A2-13).
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// Returns the validity that was built in.
    pub fn window(&self) -> ValidityPeriod {
        self.window
    }
}

/// Combines an issuer's own root with its signature and reads the result back as a CA certificate.
///
/// # Errors
/// The signature is wrong, or the result is not a self-signed CA certificate.
pub fn assemble_root(
    tbs: &CertificateToSign,
    signature: &Signature,
) -> Result<CaCertificate, IssueError> {
    let root = CaCertificate::from_der(&tbs.combine(signature)?)?;
    if root.is_self_signed() {
        Ok(root)
    } else {
        Err(IssueError::OutsideChain)
    }
}
