//! A CA of some servers: what their clients trust.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// A certificate and its PKCS#8 key, both in PEM.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it holds a key")]
pub struct Pair {
    /// The certificate.
    pub certificate_pem: String,
    /// The private key.
    pub key_pem: String,
}

impl Pair {
    /// Writes `NAME.crt` and `NAME.key`, which only their owner may read.
    ///
    /// # Errors
    /// They cannot be written.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> Result<()> {
        write_private(&folder.join(format!("{name}.crt")), &self.certificate_pem)?;
        write_private(&folder.join(format!("{name}.key")), &self.key_pem)
    }
}

/// A CA with a key in memory. It signs certificates of servers on loopback, and of clients that
/// log in by certificate.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
}

impl std::fmt::Debug for Ca {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ca(..)")
    }
}

impl Ca {
    /// A fresh P-256 CA of this common name.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(common_name: &str) -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = params(common_name, None);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate_pem = params.self_signed(&key)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            certificate_pem,
        })
    }

    /// The CA's certificate in PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A certificate for a server on loopback, under `127.0.0.1`, `localhost` and further DNS
    /// names and IP addresses.
    ///
    /// # Errors
    /// A name is none.
    pub fn server(&self, common_name: &str, names: &[&str]) -> Result<Pair> {
        let mut params = params(common_name, None);
        for name in ["127.0.0.1", "localhost"].iter().chain(names) {
            params.subject_alt_names.push(match name.parse() {
                Ok(address) => rcgen::SanType::IpAddress(address),
                Err(_) => rcgen::SanType::DnsName((*name).try_into()?),
            });
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params)
    }

    /// A certificate with which a client logs in, in an organization or in none.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn client(&self, common_name: &str, organization: Option<&str>) -> Result<Pair> {
        self.client_named(params(common_name, organization).distinguished_name)
    }

    /// A certificate with which a client logs in under any name.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn client_named(&self, name: DistinguishedName) -> Result<Pair> {
        let mut params = params("", None);
        params.distinguished_name = name;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Result<Pair> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Pair {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }
}

/// Subject and validity. The dates are far apart, as servers may be left up.
fn params(common_name: &str, organization: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    if let Some(organization) = organization {
        name.push(DnType::OrganizationName, organization);
    }
    params.distinguished_name = name;
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params
}

/// Writes a file that only its owner may read.
///
/// # Errors
/// It cannot be written.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
