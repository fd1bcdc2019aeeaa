//! What is read of certificates, for reports.

use std::fmt::{self, Display, Formatter};

use anyhow::{Context, Result};
use der::Encode;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

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
        })
    }
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
