//! Keys and CSRs, made with rcgen and the OpenSSL program.

mod istio;
mod openssl;

use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use der::{DecodePem, Encode};
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    KeyPair, KeyUsagePurpose, PublicKeyData, RsaKeySize, SanType, SignatureAlgorithm, SigningKey,
};
use x509_cert::request::CertReq;

/// The types of key that cert-manager makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    P256,
    P384,
    P521,
    Rsa2048,
    Rsa3072,
    Rsa4096,
    Ed25519,
}

impl KeyKind {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::Ed25519,
    ];

    /// What Signet's API calls it.
    pub const fn api_name(self) -> &'static str {
        match self {
            Self::P256 => "ECDSAP256",
            Self::P384 => "ECDSAP384",
            Self::P521 => "ECDSAP521",
            Self::Rsa2048 => "RSA2048",
            Self::Rsa3072 => "RSA3072",
            Self::Rsa4096 => "RSA4096",
            Self::Ed25519 => "ED25519",
        }
    }

    /// A new key.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn generate(self) -> Result<KeyPair> {
        let rsa = |size| KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size);
        let other = |algorithm: &'static SignatureAlgorithm| KeyPair::generate_for(algorithm);
        Ok(match self {
            Self::P256 => other(&rcgen::PKCS_ECDSA_P256_SHA256),
            Self::P384 => other(&rcgen::PKCS_ECDSA_P384_SHA384),
            Self::P521 => other(&rcgen::PKCS_ECDSA_P521_SHA512),
            Self::Rsa2048 => rsa(RsaKeySize::_2048),
            Self::Rsa3072 => rsa(RsaKeySize::_3072),
            Self::Rsa4096 => rsa(RsaKeySize::_4096),
            Self::Ed25519 => other(&rcgen::PKCS_ED25519),
        }?)
    }
}

/// A CSR, and the key that it is about.
#[derive(Debug)]
pub struct Csr {
    key: KeyPair,
    pem: String,
}

impl Csr {
    /// Begins a CSR over a new P-256 key.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn of_new_key() -> Result<CsrBuilder> {
        Self::of(KeyKind::P256)
    }

    /// Begins a CSR over a new key: no subject, no name.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn of(kind: KeyKind) -> Result<CsrBuilder> {
        Ok(Self::of_key(kind.generate()?))
    }

    /// Begins a CSR over a key: no subject, no name.
    pub fn of_key(key: KeyPair) -> CsrBuilder {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        CsrBuilder { key, params }
    }

    /// A CSR over a new P-256 key with one DNS name and nothing else.
    ///
    /// # Errors
    /// The name is invalid.
    pub fn for_dns(name: &str) -> Result<Self> {
        Self::of_new_key()?.dns(name)?.build()
    }

    /// A CSR over a new P-256 key with one URI and nothing else.
    ///
    /// # Errors
    /// The URI is invalid.
    pub fn for_uri(uri: &str) -> Result<Self> {
        Self::of_new_key()?.uri(uri)?.build()
    }

    /// A CSR over a new P-256 key as `openssl req` makes it from a configuration, for what rcgen
    /// has no words for.
    ///
    /// # Errors
    /// Those that OpenSSL reports.
    pub fn by_openssl(config: &str) -> Result<Self> {
        Self::by_openssl_of(KeyKind::P256, config)
    }

    /// The same over another key.
    ///
    /// # Errors
    /// Those that OpenSSL reports.
    pub fn by_openssl_of(kind: KeyKind, config: &str) -> Result<Self> {
        let key = kind.generate()?;
        let pem = openssl::request(&key.serialize_pem(), config)?;
        Ok(Self { key, pem })
    }

    /// The same CSR with a signature that does not fit.
    ///
    /// # Errors
    /// It is not PEM.
    pub fn with_a_broken_signature(self) -> Result<Self> {
        let body: String = self
            .pem
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let mut der = STANDARD.decode(body)?;
        let last = der.last_mut().context("a CSR has bytes")?;
        *last ^= 1;
        Ok(Self {
            pem: pem("CERTIFICATE REQUEST", &der),
            ..self
        })
    }

    /// The SubjectPublicKeyInfo of a private key in PEM.
    ///
    /// # Errors
    /// OpenSSL cannot read it.
    pub fn public_key_of_secret(key_pem: &str) -> Result<Vec<u8>> {
        openssl::public_key(key_pem)
    }

    /// The same CSR with something written after it.
    #[must_use]
    pub fn with_text_after(mut self, text: &str) -> Self {
        self.pem.push_str(text);
        self
    }

    /// The subject in DER, as OpenSSL and rcgen wrote it.
    ///
    /// # Errors
    /// It is not a CSR.
    pub fn subject(&self) -> Result<Vec<u8>> {
        let request = CertReq::from_pem(&self.pem)?;
        Ok(request.info.subject.to_der()?)
    }

    /// The key.
    pub fn key(&self) -> &KeyPair {
        &self.key
    }

    /// The CSR in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The CSR in DER.
    pub fn der(&self) -> Vec<u8> {
        let body = self.pem.lines().filter(|line| !line.starts_with('-'));
        STANDARD
            .decode(body.collect::<String>())
            .unwrap_or_default()
    }

    /// Signs a message with its key as kubelets of Kubernetes 1.35 do: an RSA key by RSA-PSS with the
    /// longest salt, and SHA-256 with every key but Ed25519.
    ///
    /// # Errors
    /// OpenSSL cannot.
    pub fn sign_as_kubelets(&self, message: &[u8]) -> Result<Vec<u8>> {
        if self.key.algorithm() == &rcgen::PKCS_ED25519 {
            // OpenSSL cannot read the key: rcgen writes the public one beside it.
            return Ok(self.key.sign(message)?);
        }
        openssl::sign(&self.key.serialize_pem(), message)
    }

    /// As Kubernetes' APIs carry it.
    pub fn base64(&self) -> String {
        STANDARD.encode(&self.pem)
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn public_key(&self) -> Vec<u8> {
        self.key.subject_public_key_info()
    }
}

/// The PEM of a CSR that OpenSSL makes over a key that it makes too, for keys and hashes that no
/// library of today would touch. The arguments are those of `openssl req -new`.
///
/// # Errors
/// Those that OpenSSL reports.
pub fn outdated(arguments: &[&str]) -> Result<String> {
    openssl::outdated(arguments)
}

/// A private key in PEM as PKCS#8, the one form that go-spiffe reads.
///
/// # Errors
/// OpenSSL cannot read it.
pub fn pkcs8(key_pem: &str) -> Result<String> {
    openssl::pkcs8(key_pem)
}

/// A CSR that is being made.
#[derive(Debug)]
pub struct CsrBuilder {
    key: KeyPair,
    params: CertificateParams,
}

impl CsrBuilder {
    /// The subject's common name.
    #[must_use]
    pub fn common_name(mut self, name: &str) -> Self {
        self.params
            .distinguished_name
            .push(DnType::CommonName, name);
        self
    }

    /// The subject's organization, which Istio leaves empty.
    #[must_use]
    pub fn organization(mut self, name: &str) -> Self {
        self.params
            .distinguished_name
            .push(DnType::OrganizationName, name);
        self
    }

    /// One more dNSName.
    ///
    /// # Errors
    /// It is not ASCII.
    pub fn dns(self, name: &str) -> Result<Self> {
        let name = name.try_into()?;
        Ok(self.name(SanType::DnsName(name)))
    }

    /// One more uniformResourceIdentifier.
    ///
    /// # Errors
    /// It is not ASCII.
    pub fn uri(self, uri: &str) -> Result<Self> {
        let uri = uri.try_into()?;
        Ok(self.name(SanType::URI(uri)))
    }

    /// One more rfc822Name.
    ///
    /// # Errors
    /// It is not ASCII.
    pub fn email(self, mailbox: &str) -> Result<Self> {
        let mailbox = mailbox.try_into()?;
        Ok(self.name(SanType::Rfc822Name(mailbox)))
    }

    /// One more iPAddress.
    #[must_use]
    pub fn ip(self, address: impl Into<IpAddr>) -> Self {
        self.name(SanType::IpAddress(address.into()))
    }

    /// One more otherName with a UTF8String.
    #[must_use]
    pub fn other_name(self, oid: &[u64], value: &str) -> Self {
        self.name(SanType::OtherName((oid.to_vec(), value.into())))
    }

    /// keyUsage and extendedKeyUsage, as cert-manager puts them in.
    #[must_use]
    pub fn usages(mut self, key: &[KeyUsagePurpose], extended: &[ExtendedKeyUsagePurpose]) -> Self {
        self.params.key_usages = key.to_vec();
        self.params.extended_key_usages = extended.to_vec();
        self
    }

    /// An extension of any kind.
    #[must_use]
    pub fn extension(mut self, oid: &[u64], value: Vec<u8>) -> Self {
        self.params
            .custom_extensions
            .push(CustomExtension::from_oid_content(oid, value));
        self
    }

    /// Signs it with its key.
    ///
    /// # Errors
    /// rcgen cannot express it.
    pub fn build(self) -> Result<Csr> {
        let pem = self.params.serialize_request(&self.key)?.pem()?;
        ensure!(
            pem.starts_with("-----BEGIN CERTIFICATE REQUEST-----"),
            "rcgen made {pem}"
        );
        Ok(Csr { key: self.key, pem })
    }

    fn name(mut self, name: SanType) -> Self {
        self.params.subject_alt_names.push(name);
        self
    }
}

/// DER as a PEM block.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<_> = body
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}
