//! What the holder of a CA certificate issues with it: the CA of a mesh.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use der::asn1::{PrintableStringRef, Utf8StringRef};
use der::{Tag, Tagged};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, SanType,
};
use signet_readers::{Chain, Mesh, Reader};

use super::{Certificate, Issued};
use crate::csr::KeyKind;

/// A CA certificate with its key, and what is above it.
#[derive(Debug)]
pub struct Holder {
    key: KeyPair,
    /// Its own certificate first.
    chain: Vec<Certificate>,
    roots: Vec<Certificate>,
    at: Duration,
}

/// A certificate that a [`Holder`] issued, with its chain.
#[derive(Debug)]
pub struct Below {
    chain: Chain,
    at: Duration,
}

impl Holder {
    /// Of a certificate that Signet issued, and its private key in PEM.
    ///
    /// # Errors
    /// The key cannot be read.
    pub fn new(issued: &Issued, key_pem: &str) -> Result<Self> {
        let own = std::iter::once(&issued.leaf).chain(&issued.intermediates);
        Ok(Self {
            key: KeyPair::from_pem(key_pem)?,
            chain: own.cloned().collect(),
            roots: issued.roots.clone(),
            at: issued.expected.issued_at.as_duration().unsigned_abs(),
        })
    }

    /// Issues a certificate of a workload for TLS in both directions, as the CAs of meshes do.
    ///
    /// # Errors
    /// rcgen cannot express it.
    pub fn leaf(&self, names: Vec<SanType>) -> Result<Below> {
        let mut params = self.params()?;
        params.subject_alt_names = names;
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let certificate = params.signed_by(&KeyKind::P256.generate()?, &self.issuer()?)?;
        let own = Certificate::read(certificate.der())?;
        let certificates = std::iter::once(&own).chain(&self.chain);
        Ok(Below {
            chain: Chain::new(
                certificates.map(Certificate::der),
                self.roots.iter().map(Certificate::der),
            ),
            at: self.at,
        })
    }

    /// Issues the certificate of a further CA, and returns its holder.
    ///
    /// # Errors
    /// rcgen cannot express it.
    pub fn ca(&self, common_name: &str, names: Vec<SanType>) -> Result<Self> {
        let mut params = self.params()?;
        (params.distinguished_name).push(DnType::CommonName, common_name);
        params.subject_alt_names = names;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyKind::P256.generate()?;
        let certificate = params.signed_by(&key, &self.issuer()?)?;
        let own = Certificate::read(certificate.der())?;
        Ok(Self {
            key,
            chain: std::iter::once(own).chain(self.chain.clone()).collect(),
            roots: self.roots.clone(),
            at: self.at,
        })
    }

    fn own(&self) -> Result<&Certificate> {
        self.chain.first().context("it has a certificate")
    }

    fn params(&self) -> Result<CertificateParams> {
        let own = self.own()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.use_authority_key_identifier_extension = true;
        params.not_before = SystemTime::from(own.not_before()).into();
        params.not_after = SystemTime::from(own.not_after()).into();
        Ok(params)
    }

    fn issuer(&self) -> Result<Issuer<'static, &KeyPair>> {
        let own = self.own()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(own)?;
        let identifier = own.subject_key_identifier().context("a CA has an SKI")?;
        params.key_identifier_method = KeyIdMethod::PreSpecified(identifier);
        Ok(Issuer::new(params, &self.key))
    }
}

impl Below {
    /// Checks that every reader accepts it, also Go and rustls-webpki as meshes lock it.
    ///
    /// # Errors
    /// The first that does not.
    pub fn verify(&self) -> Result<()> {
        self.chain.verify(self.at)?;
        self.verify_by(Reader::Go)?;
        (Mesh::ALL.into_iter()).try_for_each(|mesh| self.verify_by(Reader::Locked(mesh)))
    }

    /// Checks that every reader rejects it, and returns OpenSSL's reason.
    ///
    /// # Errors
    /// A reader accepts it.
    pub fn rejected(&self) -> Result<String> {
        let mut readers = vec![Reader::Webpki, Reader::Go];
        readers.extend(Mesh::ALL.map(Reader::Locked));
        for reader in readers {
            ensure!(self.verify_by(reader).is_err(), "{reader:?} accepts it");
        }
        let error = self.verify_by(Reader::OpenSsl).err();
        Ok(format!("{:#}", error.context("OpenSSL accepts it")?))
    }

    fn verify_by(&self, reader: Reader) -> Result<()> {
        self.chain.verify_by(reader, self.at)
    }
}

/// The subject with the string types that it has.
fn subject(certificate: &Certificate) -> Result<DistinguishedName> {
    let mut name = DistinguishedName::new();
    let subject = certificate.parsed().tbs_certificate().subject();
    for attribute in subject.iter() {
        let oid = attribute.oid.arcs().map(u64::from).collect();
        let value = match Tagged::tag(&attribute.value) {
            Tag::PrintableString => {
                let text: PrintableStringRef<'_> = attribute.value.decode_as()?;
                DnValue::PrintableString(text.as_str().try_into()?)
            }
            Tag::Utf8String => {
                let text: Utf8StringRef<'_> = attribute.value.decode_as()?;
                DnValue::Utf8String(text.as_str().to_owned())
            }
            other => bail!("no CA of a mesh has a {other} in its subject"),
        };
        name.push(DnType::CustomDnType(oid), value);
    }
    Ok(name)
}
