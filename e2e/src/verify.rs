//! The one place through which every certificate goes that a test gets.
//!
//! The independent readers of `signet-readers` check it, and x509-cert what all certificates have in
//! common. (The product builds with x509-cert; here it only reads.) go-spiffe has to accept each leaf
//! of an issuer with a trust domain.

mod below;
mod certificate;
mod conformity;
mod svid;

use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyIdMethod,
    KeyUsagePurpose,
};
use signet_readers::Chain;

pub use below::{Below, Holder};
pub use certificate::{Certificate, Name};
pub use svid::{Svid, verify_jwt};

use crate::csr::{Csr, KeyKind, pem, pkcs8};

/// What a certificate must be like by the request for it.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The key of the CSR, a SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
    /// The private key in PEM, as the requester keeps it.
    pub private_key: String,
    /// The trust domain of the issuer, if it has one.
    pub trust_domain: Option<String>,
    /// Whether it is a CA's.
    pub is_ca: bool,
    /// When the request was created.
    pub created: Timestamp,
    /// When the certificate was written to the request.
    pub issued_at: Timestamp,
}

/// A certificate that passed.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate itself.
    pub leaf: Certificate,
    /// What stands above it in `status.certificate`.
    pub intermediates: Vec<Certificate>,
    /// The trust bundle.
    pub roots: Vec<Certificate>,
    /// `status.certificate` as it was read.
    pub chain_pem: String,
    /// `status.ca` as it was read.
    pub roots_pem: String,
    /// By the request.
    pub expected: Expected,
}

impl Issued {
    /// The CA certificate right above it.
    ///
    /// # Errors
    /// There is none.
    pub fn issuer(&self) -> Result<&Certificate> {
        issuer_of(&self.leaf, &self.intermediates, &self.roots)
    }

    /// The CA certificates above it, up to the trust anchor.
    ///
    /// # Errors
    /// One is missing.
    pub fn path(&self) -> Result<Vec<&Certificate>> {
        let mut path: Vec<&Certificate> = Vec::new();
        loop {
            let last = path.last().copied().unwrap_or(&self.leaf);
            if self.roots.iter().any(|root| root.der() == last.der()) {
                return Ok(path);
            }
            path.push(issuer_of(last, &self.intermediates, &self.roots)?);
        }
    }
}

impl Issued {
    /// Returns the SPIFFE ID that go-spiffe verifies under a bundle, as of the time of issue.
    ///
    /// # Errors
    /// go-spiffe rejects it, or the issuer has no trust domain.
    pub fn spiffe_id(&self, bundle: &str) -> Result<String> {
        let expected = &self.expected;
        let trust_domain = expected.trust_domain.as_deref();
        let svid = Svid {
            chain: &self.chain_pem,
            // go-spiffe reads no other encoding, which Istio's components do.
            key: &pkcs8(&expected.private_key)?,
            trust_domain: trust_domain.context("the issuer has a trust domain")?,
        };
        svid.verify(bundle, expected.issued_at)
    }

    /// Shows it to the independent readers, as of the time of issue.
    fn verify(&self) -> Result<()> {
        let chain = std::iter::once(&self.leaf).chain(&self.intermediates);
        let chain = Chain::new(
            chain.map(Certificate::der),
            self.roots.iter().map(Certificate::der),
        );
        chain.verify(self.expected.issued_at.as_duration().unsigned_abs())?;
        if self.expected.trust_domain.is_none() || self.expected.is_ca {
            return Ok(());
        }
        let (id, uris) = (self.spiffe_id(&self.roots_pem)?, self.leaf.uris()?);
        ensure!(uris == [&*id], "go-spiffe reads {id}: {uris:?}");
        Ok(())
    }
}

/// Checks a certificate with its chain and its trust bundle, as of the time when it was issued.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(chain: &str, roots: &str, expected: Expected) -> Result<Issued> {
    let mut certificates = Certificate::read_pem(chain).context("the chain")?;
    ensure!(!certificates.is_empty(), "there is no certificate");
    let leaf = certificates.remove(0);
    let issued = Issued {
        leaf,
        intermediates: certificates,
        roots: Certificate::read_pem(roots).context("the trust bundle")?,
        chain_pem: chain.to_owned(),
        roots_pem: roots.to_owned(),
        expected,
    };
    let shown = || format!("about\n{chain}\nunder\n{roots}");
    conformity::check(&issued).with_context(shown)?;
    issued.verify().with_context(shown)?;
    Ok(issued)
}

/// Checks that an issued CA certificate works as one: a leaf that its key signs passes. The CSR's
/// subject was only this common name.
///
/// # Errors
/// The first thing that is wrong.
pub fn issues_below(ca: &Issued, csr: &Csr, common_name: &str) -> Result<()> {
    let mut own = CertificateParams::default();
    own.distinguished_name = DistinguishedName::new();
    own.distinguished_name.push(DnType::CommonName, common_name);
    let identifier = ca
        .leaf
        .subject_key_identifier()
        .context("a CA has an SKI")?;
    own.key_identifier_method = KeyIdMethod::PreSpecified(identifier);
    let issuer = rcgen::Issuer::new(own, csr.key());
    let mut params = CertificateParams::new(["below.example".to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = SystemTime::from(ca.leaf.not_before()).into();
    params.not_after = SystemTime::from(ca.leaf.not_after()).into();
    let key = KeyKind::P256.generate()?;
    let leaf = params.signed_by(&key, &issuer)?;
    let below = Issued {
        leaf: Certificate::read(leaf.der())?,
        intermediates: [vec![ca.leaf.clone()], ca.intermediates.clone()].concat(),
        roots: ca.roots.clone(),
        chain_pem: [pem("CERTIFICATE", leaf.der()), ca.chain_pem.clone()].concat(),
        roots_pem: ca.roots_pem.clone(),
        expected: ca.expected.clone(),
    };
    below.verify()
}

fn issuer_of<'a>(
    certificate: &Certificate,
    intermediates: &'a [Certificate],
    roots: &'a [Certificate],
) -> Result<&'a Certificate> {
    let mut above = intermediates.iter().chain(roots);
    let is_above = |candidate: &&Certificate| {
        candidate.subject_der() == certificate.issuer_der()
            && candidate.subject_key_identifier() == certificate.authority_key_identifier()
    };
    let above = above.find(is_above);
    above.with_context(|| format!("no issuer of {}", certificate.subject()))
}
