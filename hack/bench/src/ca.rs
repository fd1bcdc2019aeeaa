//! The one CA and the one CSR that all contenders work with.

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};

/// A P-256 root with its key, and what a finished request under it looks like.
pub(crate) struct Material {
    /// `tls.crt` and `ca.crt`.
    pub(crate) certificate: String,
    /// `tls.key`.
    pub(crate) key: String,
    /// The PEM of a CSR with a P-256 key and one SPIFFE URI.
    pub(crate) csr: String,
    /// The PEM of a leaf, for the ceiling's writes.
    pub(crate) leaf: String,
}

impl Material {
    pub(crate) fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "Benchmark Root");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let key_pem = key.serialize_pem();
        let issuer = CertifiedIssuer::self_signed(params, key)?;
        let leaf_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name = DistinguishedName::new();
        leaf.subject_alt_names = vec![SanType::URI(
            "spiffe://example.org/ns/bench/sa/web".try_into()?,
        )];
        Ok(Self {
            certificate: issuer.pem(),
            key: key_pem,
            csr: leaf.serialize_request(&leaf_key)?.pem()?,
            leaf: leaf.signed_by(&leaf_key, &issuer)?.pem(),
        })
    }
}
