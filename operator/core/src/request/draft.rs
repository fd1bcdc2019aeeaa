//! A CSR that no client has signed: what one is about to request, to predict the decision.
//!
//! It has no key of a client, and so no proof of possession. No certificate is ever made from one:
//! [`forecast`](crate::forecast) is the only use.

mod example_key;
mod subject;

use std::net::IpAddr;

use const_oid::{AssociatedOid, ObjectIdentifier};
use der::Encode;
use der::asn1::BitString;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, NameConstraints, SubjectAltName};

use super::csr::{Csr, CsrError};
use super::{RawRequest, Request};
use crate::reason::Denial;
use crate::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use crate::x509::name_constraints;
use crate::x509::strict::tlv;
use crate::x509::usages::Usages;

pub use subject::{SubjectAttribute, subject};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OCTET_STRING: u8 = 0x04;
/// `attributes [0]` and the value of an otherName.
const CONTEXT_0: u8 = 0xa0;
const UTF8_STRING: u8 = 0x0c;
/// Version 1 (RFC 2986 4.1).
const VERSION: [u8; 3] = [0x02, 0x01, 0x00];
/// extensionRequest (RFC 2985 5.4.2).
const EXTENSION_REQUEST: ObjectIdentifier = const_oid::db::rfc2985::PKCS_9_AT_EXTENSION_REQUEST;

/// What a client would put into a CSR.
#[derive(Clone, Debug)]
pub struct CsrDraft {
    /// The DER of the subject, as [`subject`] and [`parse_subject`](crate::issue::parse_subject)
    /// make it.
    pub subject: Vec<u8>,
    /// The subjectAltName.
    pub names: DraftNames,
    /// keyUsage and extendedKeyUsage; none leaves both out.
    pub usages: Option<Usages>,
    /// nameConstraints.
    pub name_constraints: Option<name_constraints::NameConstraints>,
    /// The kind of key.
    pub key: KeyAlgorithm,
}

/// Names of a subjectAltName, in the order in which cert-manager writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftNames {
    /// DNS names.
    pub dns_names: Vec<String>,
    /// Email addresses.
    pub email_addresses: Vec<String>,
    /// IP addresses.
    pub ip_addresses: Vec<IpAddr>,
    /// URIs.
    pub uris: Vec<String>,
    /// otherNames whose value is a UTF8String.
    pub other_names: Vec<(ObjectIdentifier, String)>,
}

impl Request {
    /// Reads a request around a CSR that was not signed.
    pub(crate) fn from_draft(raw: RawRequest, draft: &CsrDraft) -> Result<Self, Denial> {
        Self::read(raw, |_| draft.csr())
    }
}

impl CsrDraft {
    /// Reads the draft as strictly as a client's CSR, but for the signature.
    fn csr(&self) -> Result<Csr, CsrError> {
        let malformed = CsrError::malformed("certificationRequestInfo");
        Csr::read(&self.der().map_err(malformed)?, |_, _, _, _| Ok(()))
    }

    /// CertificationRequest (RFC 2986 4.2) with an empty signature.
    fn der(&self) -> der::Result<Vec<u8>> {
        let key = example_key::spki(self.key)?;
        let attributes = self.attributes()?;
        let info = [
            &VERSION[..],
            &self.subject,
            &key,
            &tlv(CONTEXT_0, &attributes),
        ]
        .concat();
        let algorithm = SignatureAlgorithm::for_key(self.key).identifier();
        let signature = BitString::from_bytes(&[])?;
        let parts = [
            tlv(SEQUENCE, &info),
            algorithm.to_der()?,
            signature.to_der()?,
        ];
        Ok(tlv(SEQUENCE, &parts.concat()))
    }

    fn attributes(&self) -> der::Result<Vec<u8>> {
        let extensions = self.extensions()?;
        if extensions.is_empty() {
            return Ok(Vec::new());
        }
        let values = tlv(SET, &tlv(SEQUENCE, &extensions));
        let attribute = [EXTENSION_REQUEST.to_der()?, values].concat();
        Ok(tlv(SEQUENCE, &attribute))
    }

    fn extensions(&self) -> der::Result<Vec<u8>> {
        let mut all = Vec::new();
        let names = self.names.der()?;
        if !names.is_empty() {
            all.push(extension(SubjectAltName::OID, &tlv(SEQUENCE, &names))?);
        }
        if let Some(usages) = &self.usages {
            if !usages.key.is_empty() {
                all.push(extension(KeyUsage::OID, &KeyUsage(usages.key).to_der()?)?);
            }
            if !usages.extended.is_empty() {
                let purposes = ExtendedKeyUsage(usages.extended.clone());
                all.push(extension(ExtendedKeyUsage::OID, &purposes.to_der()?)?);
            }
        }
        if let Some(constraints) = &self.name_constraints {
            all.push(extension(NameConstraints::OID, constraints.der())?);
        }
        Ok(all.concat())
    }
}

impl DraftNames {
    /// The content of GeneralNames.
    fn der(&self) -> der::Result<Vec<u8>> {
        let text = |tag| move |name: &String| tlv(tag, name.as_bytes());
        let addresses = self.ip_addresses.iter().map(|address| match address {
            IpAddr::V4(address) => tlv(0x87, &address.octets()),
            IpAddr::V6(address) => tlv(0x87, &address.octets()),
        });
        let mut names: Vec<_> = (self.dns_names.iter().map(text(0x82)))
            .chain(self.email_addresses.iter().map(text(0x81)))
            .chain(addresses)
            .chain(self.uris.iter().map(text(0x86)))
            .collect();
        for (type_id, value) in &self.other_names {
            let value = tlv(CONTEXT_0, &tlv(UTF8_STRING, value.as_bytes()));
            names.push(tlv(CONTEXT_0, &[type_id.to_der()?, value].concat()));
        }
        Ok(names.concat())
    }
}

fn extension(id: ObjectIdentifier, value: &[u8]) -> der::Result<Vec<u8>> {
    let parts = [id.to_der()?, tlv(OCTET_STRING, value)];
    Ok(tlv(SEQUENCE, &parts.concat()))
}

#[cfg(test)]
mod tests;
