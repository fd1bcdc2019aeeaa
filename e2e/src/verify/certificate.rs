//! A certificate as the tests look at it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use const_oid::{AssociatedOid, ObjectIdentifier};
use der::{Decode, Encode};
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_cert::Certificate as Parsed;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::time::Time;

/// A certificate, as bytes and parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: Parsed,
}

/// A name in a subjectAltName, in a form that a test can compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    Dns(String),
    Uri(String),
    Email(String),
    Ip(IpAddr),
    /// The type, and the value in DER.
    Other(String, Vec<u8>),
}

impl Certificate {
    /// Reads a text that holds certificates in PEM and nothing else.
    ///
    /// # Errors
    /// It holds something else, or what is in it is not a certificate.
    pub fn read_pem(text: &str) -> Result<Vec<Self>> {
        let ends = text.matches("-----END ").count();
        let lines = text.lines().filter(|line| line.starts_with("-----BEGIN "));
        for line in lines {
            ensure!(line == "-----BEGIN CERTIFICATE-----", "there is a {line}");
        }
        let read: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
            .map(|der| Self::read(&der.context("it is not PEM")?))
            .collect::<Result<_>>()?;
        ensure!(
            read.len() == ends,
            "{ends} blocks and {} certificates",
            read.len()
        );
        Ok(read)
    }

    /// Reads DER.
    ///
    /// # Errors
    /// It is not a certificate.
    pub fn read(der: &[u8]) -> Result<Self> {
        let parsed = Parsed::from_der(der).context("it is not a certificate")?;
        ensure!(parsed.to_der()? == der, "it is not DER");
        Ok(Self {
            der: der.to_vec(),
            parsed,
        })
    }

    /// The bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub(super) fn parsed(&self) -> &Parsed {
        &self.parsed
    }

    /// The subject, as RFC 4514 writes it.
    pub fn subject(&self) -> String {
        self.parsed.tbs_certificate().subject().to_string()
    }

    /// The subject in DER.
    pub fn subject_der(&self) -> Vec<u8> {
        self.parsed
            .tbs_certificate()
            .subject()
            .to_der()
            .unwrap_or_default()
    }

    pub(super) fn issuer_der(&self) -> Vec<u8> {
        self.parsed
            .tbs_certificate()
            .issuer()
            .to_der()
            .unwrap_or_default()
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn public_key(&self) -> Vec<u8> {
        self.parsed
            .tbs_certificate()
            .subject_public_key_info()
            .to_der()
            .unwrap_or_default()
    }

    /// The serial number's octets.
    pub fn serial(&self) -> &[u8] {
        self.parsed.tbs_certificate().serial_number().as_bytes()
    }

    /// The first second.
    pub fn not_before(&self) -> Timestamp {
        timestamp(self.parsed.tbs_certificate().validity().not_before)
    }

    /// The last second.
    pub fn not_after(&self) -> Timestamp {
        timestamp(self.parsed.tbs_certificate().validity().not_after)
    }

    /// From the first second to the last.
    pub fn lifetime(&self) -> Duration {
        let lifetime = self.not_after().duration_since(self.not_before());
        lifetime.try_into().unwrap_or_default()
    }

    /// Every name, in order.
    ///
    /// # Errors
    /// There is one that cannot be read.
    pub fn names(&self) -> Result<Vec<Name>> {
        let names = self.extension::<SubjectAltName>()?;
        let names = names.map(|(_, names)| names.0).unwrap_or_default();
        names.iter().map(name).collect()
    }

    /// The URIs.
    ///
    /// # Errors
    /// There is a name that cannot be read.
    pub fn uris(&self) -> Result<Vec<String>> {
        let uri = |name| match name {
            Name::Uri(uri) => Some(uri),
            _ => None,
        };
        Ok(self.names()?.into_iter().filter_map(uri).collect())
    }

    /// The key usage bits.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn key_usage(&self) -> Result<Vec<KeyUsages>> {
        let usage = self.extension::<KeyUsage>()?;
        Ok(usage
            .map(|(_, usage)| usage.0.into_iter().collect())
            .unwrap_or_default())
    }

    /// The extended key usages, in order.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn extended_key_usage(&self) -> Result<Vec<ObjectIdentifier>> {
        let usage = self.extension::<ExtendedKeyUsage>()?;
        Ok(usage.map(|(_, usage)| usage.0).unwrap_or_default())
    }

    /// cA, and the path length.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn basic_constraints(&self) -> Result<Option<(bool, Option<u8>)>> {
        let constraints = self.extension::<BasicConstraints>()?;
        Ok(constraints.map(|(_, constraints)| (constraints.ca, constraints.path_len_constraint)))
    }

    /// An extension with whether it is critical.
    ///
    /// # Errors
    /// It is there twice, or cannot be read.
    pub fn extension<T>(&self) -> Result<Option<(bool, T)>>
    where
        T: for<'a> Decode<'a, Error = der::Error> + AssociatedOid,
    {
        Ok(self.parsed.tbs_certificate().get_extension::<T>()?)
    }

    /// The subjectKeyIdentifier.
    pub fn subject_key_identifier(&self) -> Option<Vec<u8>> {
        let (_, identifier) = self.extension::<SubjectKeyIdentifier>().ok()??;
        Some(identifier.0.as_bytes().to_vec())
    }

    /// The keyIdentifier of the authorityKeyIdentifier.
    pub fn authority_key_identifier(&self) -> Option<Vec<u8>> {
        let (_, identifier) = self.extension::<AuthorityKeyIdentifier>().ok()??;
        identifier
            .key_identifier
            .map(|identifier| identifier.as_bytes().to_vec())
    }

    pub(super) fn is_self_signed(&self) -> bool {
        self.subject_der() == self.issuer_der()
    }
}

fn timestamp(time: Time) -> Timestamp {
    let epoch = time.to_unix_duration().as_secs();
    let epoch = epoch.try_into().unwrap_or(i64::MAX);
    Timestamp::from_second(epoch).unwrap_or(Timestamp::MAX)
}

fn name(name: &GeneralName) -> Result<Name> {
    Ok(match name {
        GeneralName::DnsName(name) => Name::Dns(name.to_string()),
        GeneralName::UniformResourceIdentifier(uri) => Name::Uri(uri.to_string()),
        GeneralName::Rfc822Name(mailbox) => Name::Email(mailbox.to_string()),
        GeneralName::IpAddress(address) => Name::Ip(ip(address.as_bytes())?),
        GeneralName::OtherName(other) => {
            Name::Other(other.type_id.to_string(), other.value.to_der()?)
        }
        other => bail!("no test expects {other:?}"),
    })
}

fn ip(octets: &[u8]) -> Result<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Ok(Ipv4Addr::from(octets).into());
    }
    let octets = <[u8; 16]>::try_from(octets).context("an address has 4 or 16 octets")?;
    Ok(Ipv6Addr::from(octets).into())
}
