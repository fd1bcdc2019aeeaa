//! What a CSR names besides a SPIFFE ID.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::{C, L, O, OU, ST};
use der::Decode;
use x509_cert::name::Name;

use crate::quote;
use crate::request::csr::Csr;

/// The attributes that locate a subject and do not name it.
const ORGANIZATION: [ObjectIdentifier; 5] = [O, OU, C, ST, L];

/// Returns what the CSR names, for a message; none if it names nothing: no subjectAltName, and
/// in the subject only attributes that locate it.
pub(super) fn describe(csr: &Csr) -> Option<String> {
    if let Some(names) = &csr.extensions.subject_alt_names {
        return Some(format!("the CSR lists {}", names.display()));
    }
    let Ok(subject) = Name::from_der(&csr.subject_der) else {
        return Some("the CSR has a subject that cannot be read".to_owned());
    };
    let mut attributes = subject.iter().map(|attribute| attribute.oid);
    let name = attributes.find(|oid| !ORGANIZATION.contains(oid))?;
    Some(format!("the CSR's subject has a {}", quote::oid(&name)))
}
