//! What is read of certificates, for reports.

use std::fmt::{self, Display, Formatter};

use anyhow::{Context, Result};
use der::Encode;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A certificate, as far as reports show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The subject.
    pub subject: String,
    /// The issuer.
    pub issuer: String,
    /// The start of its validity.
    pub not_before: Timestamp,
    /// The end of its validity.
    pub not_after: Timestamp,
    /// SHA-256 of the certificate, in hex.
    pub fingerprint: String,
    /// The serial number in hex, without leading zeros.
    pub serial: String,
    /// The first URI among its names.
    pub uri: Option<String>,
}

impl Certificate {
    /// Reads every certificate in PEM.
    ///
    /// # Errors
    /// There is something else in it.
    pub fn all(pem: &str) -> Result<Vec<Self>> {
        let certificates = x509_cert::Certificate::load_pem_chain(pem.as_bytes());
        certificates
            .context("not certificates in PEM")?
            .iter()
            .map(Self::read)
            .collect()
    }

    /// Reads the first certificate in PEM.
    ///
    /// # Errors
    /// There is none.
    pub fn first(pem: &str) -> Result<Self> {
        let first = Self::all(pem)?.into_iter().next();
        first.context("there is no certificate")
    }

    fn read(certificate: &x509_cert::Certificate) -> Result<Self> {
        let body = certificate.tbs_certificate();
        let time = |time: x509_cert::time::Time| -> Result<Timestamp> {
            let seconds = time.to_unix_duration().as_secs();
            Ok(Timestamp::from_second(seconds.try_into()?)?)
        };
        Ok(Self {
            subject: body.subject().to_string(),
            issuer: body.issuer().to_string(),
            not_before: time(body.validity().not_before)?,
            not_after: time(body.validity().not_after)?,
            fingerprint: hex::encode(Sha256::digest(certificate.to_der()?)),
            serial: hex::encode(body.serial_number().as_bytes())
                .trim_start_matches('0')
                .to_owned(),
            uri: uri(body)?,
        })
    }
}

impl Certificate {
    /// Returns the trust domain of its SPIFFE ID.
    pub fn trust_domain(&self) -> Option<&str> {
        let id = self.uri.as_deref()?.strip_prefix("spiffe://")?;
        id.split('/').next()
    }
}

fn uri(body: &x509_cert::TbsCertificate) -> Result<Option<String>> {
    let names = body.get_extension::<SubjectAltName>()?;
    let names = names.map(|(_, names)| names.0).unwrap_or_default();
    Ok(names.into_iter().find_map(|name| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.to_string()),
        _ => None,
    }))
}

impl Display for Certificate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = |name: &str| match name {
            "" => "(empty)".to_owned(),
            name => name.to_owned(),
        };
        write!(
            f,
            "{:.12} subject {}, issuer {}, valid {} to {}",
            self.fingerprint,
            name(&self.subject),
            name(&self.issuer),
            self.not_before,
            self.not_after
        )
    }
}

/// Returns the SHA-256 of each certificate in PEM, in hex.
///
/// # Errors
/// There is something else in it.
pub fn fingerprints(pem: &str) -> Result<Vec<String>> {
    let all = Certificate::all(pem)?.into_iter();
    Ok(all.map(|one| one.fingerprint).collect())
}
