//! cert-manager's `Certificate`, as far as its request follows from it.
//!
//! Every field is lenient: the files that are read may be older or newer than cert-manager's API.
#![allow(missing_docs, reason = "cert-manager's API reference documents them")]

use serde::Deserialize;

use super::certificate_request::ObjectReference;
use crate::Subtrees;

/// `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificateSpec {
    pub subject: CertificateSubject,
    pub literal_subject: String,
    pub common_name: String,
    pub duration: Option<String>,
    pub dns_names: Vec<String>,
    pub ip_addresses: Vec<String>,
    pub uris: Vec<String>,
    pub other_names: Vec<OtherName>,
    pub email_addresses: Vec<String>,
    pub issuer_ref: ObjectReference,
    #[serde(rename = "isCA")]
    pub is_ca: bool,
    pub usages: Vec<String>,
    pub private_key: PrivateKey,
    pub encode_usages_in_request: Option<bool>,
    pub name_constraints: Option<NameConstraints>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificateSubject {
    pub organizations: Vec<String>,
    pub countries: Vec<String>,
    pub organizational_units: Vec<String>,
    pub localities: Vec<String>,
    pub provinces: Vec<String>,
    pub street_addresses: Vec<String>,
    pub postal_codes: Vec<String>,
    pub serial_number: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OtherName {
    pub oid: String,
    pub utf8_value: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrivateKey {
    pub algorithm: String,
    pub size: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NameConstraints {
    pub permitted: Option<Subtrees>,
    pub excluded: Option<Subtrees>,
}
