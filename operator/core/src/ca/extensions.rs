//! The extensions of a CA certificate, as far as issuing depends on them.

use std::collections::BTreeSet;

use const_oid::db::rfc5280::{
    ID_CE_BASIC_CONSTRAINTS, ID_CE_CERTIFICATE_POLICIES, ID_CE_CRL_DISTRIBUTION_POINTS,
    ID_CE_EXT_KEY_USAGE, ID_CE_INHIBIT_ANY_POLICY, ID_CE_KEY_USAGE, ID_CE_NAME_CONSTRAINTS,
    ID_CE_POLICY_CONSTRAINTS, ID_CE_POLICY_MAPPINGS, ID_CE_SUBJECT_ALT_NAME,
};
use const_oid::{AssociatedOid, ObjectIdentifier};
use der::Decode;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, ExtendedKeyUsage, KeyUsage, KeyUsages, PolicyConstraints,
    SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, Extensions as List};

use super::subtrees::Subtrees;
use crate::quote;
use crate::x509::basic_constraints::BasicConstraints;
use crate::x509::names::SubjectAltNames;

const NOT_CA: &str =
    "is not a CA certificate (basicConstraints CA:TRUE is missing); use a CA certificate";
const NO_KEY_CERT_SIGN: &str =
    "cannot sign certificates (key usage keyCertSign is missing); use a CA certificate";

/// The extensions that OpenSSL and Go process if they are critical. Neither knows others, nor takes
/// a key identifier that is critical.
const PROCESSED: [ObjectIdentifier; 10] = [
    ID_CE_KEY_USAGE,
    ID_CE_SUBJECT_ALT_NAME,
    ID_CE_BASIC_CONSTRAINTS,
    ID_CE_NAME_CONSTRAINTS,
    ID_CE_CRL_DISTRIBUTION_POINTS,
    ID_CE_EXT_KEY_USAGE,
    ID_CE_CERTIFICATE_POLICIES,
    ID_CE_POLICY_MAPPINGS,
    ID_CE_POLICY_CONSTRAINTS,
    ID_CE_INHIBIT_ANY_POLICY,
];
/// Those of them that rustls-webpki does not process (PKI-11).
const POLICIES: [ObjectIdentifier; 4] = [
    ID_CE_CERTIFICATE_POLICIES,
    ID_CE_POLICY_MAPPINGS,
    ID_CE_POLICY_CONSTRAINTS,
    ID_CE_INHIBIT_ANY_POLICY,
];

/// What the extensions of a CA certificate say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extensions {
    pub(super) path_length: Option<u8>,
    pub(super) has_critical_basic_constraints: bool,
    pub(super) key_identifier: Option<Vec<u8>>,
    /// Of the key that signed the certificate.
    authority: Option<Vec<u8>>,
    /// Whether keyUsage, where there is one, has cRLSign.
    pub(super) may_sign_crls: bool,
    pub(super) purposes: Option<Vec<ObjectIdentifier>>,
    pub(super) subtrees: Subtrees,
    /// None if there is no subjectAltName, or if it cannot be read.
    pub(super) names: Option<SubjectAltNames>,
    pub(super) requires_explicit_policy: bool,
    /// The first critical one that verifiers do not process.
    pub(super) unknown_critical: Option<ObjectIdentifier>,
    pub(super) has_critical_policies: bool,
}

impl Extensions {
    /// Reads them; the error is why the certificate cannot be a CA's.
    pub(super) fn read(list: &List) -> Result<Self, String> {
        check_unique(list)?;
        let (constraints, critical) = basic_constraints(list)?;
        let usage = find(list, "keyUsage", KeyUsage::from_der)?;
        let may = |bit| usage.as_ref().is_none_or(|usage| usage.0.contains(bit));
        if !may(KeyUsages::KeyCertSign) {
            return Err(NO_KEY_CERT_SIGN.to_owned());
        }
        let own = find(list, "subjectKeyIdentifier", SubjectKeyIdentifier::from_der)?;
        let policies = find(list, "policyConstraints", PolicyConstraints::from_der)?;
        let mut all_critical = list.iter().filter(|it| it.critical).map(|it| it.extn_id);
        Ok(Self {
            path_length: constraints.path_length,
            has_critical_basic_constraints: critical,
            key_identifier: own.map(|identifier| identifier.0.as_bytes().to_vec()),
            authority: authority(list),
            may_sign_crls: may(KeyUsages::CRLSign),
            purposes: find(list, "extKeyUsage", ExtendedKeyUsage::from_der)?.map(|it| it.0),
            subtrees: subtrees(list)?,
            names: value(list, ID_CE_SUBJECT_ALT_NAME)
                .and_then(|value| SubjectAltNames::from_der(value).ok()),
            requires_explicit_policy: policies
                .is_some_and(|policies| policies.require_explicit_policy.is_some()),
            has_critical_policies: all_critical.clone().any(|id| POLICIES.contains(&id)),
            unknown_critical: all_critical.find(|id| !PROCESSED.contains(id)),
        })
    }

    /// Returns whether the extensions say that another key than its own signed the certificate.
    pub(super) fn names_another_authority(&self) -> bool {
        let both = self.authority.as_ref().zip(self.key_identifier.as_ref());
        both.is_some_and(|(authority, own)| authority != own)
    }
}

fn basic_constraints(list: &List) -> Result<(BasicConstraints, bool), String> {
    let constraints = find(list, "basicConstraints", BasicConstraints::from_der)?;
    let constraints = constraints.filter(|it| it.ca).ok_or(NOT_CA)?;
    let critical = extension(list, ID_CE_BASIC_CONSTRAINTS).is_some_and(|it| it.critical);
    Ok((constraints, critical))
}

/// It only tells apart certificates of one name, so an unreadable one is not a reason to refuse.
fn authority(list: &List) -> Option<Vec<u8>> {
    let read = AuthorityKeyIdentifier::from_der;
    let authority = find(list, "authorityKeyIdentifier", read).ok().flatten()?;
    let identifier = authority.key_identifier?;
    Some(identifier.as_bytes().to_vec())
}

fn subtrees(list: &List) -> Result<Subtrees, String> {
    let value = value(list, ID_CE_NAME_CONSTRAINTS);
    let subtrees = value.map(Subtrees::from_der).transpose();
    subtrees
        .map(Option::unwrap_or_default)
        .map_err(malformed("nameConstraints"))
}

/// RFC 5280 4.2: readers of an extension that is there twice need not agree on which one counts.
fn check_unique(list: &List) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    match list.iter().find(|it| !seen.insert(it.extn_id)) {
        None => Ok(()),
        Some(twice) => {
            let name = quote::oid(&twice.extn_id);
            Err(format!("has the extension {name} twice; reissue it"))
        }
    }
}

fn extension(list: &List, id: ObjectIdentifier) -> Option<&Extension> {
    list.iter().find(|it| it.extn_id == id)
}

fn value(list: &List, id: ObjectIdentifier) -> Option<&[u8]> {
    extension(list, id).map(|it| it.extn_value.as_bytes())
}

/// Reads an extension. One that cannot be read is an error, and not absent.
fn find<'a, T: AssociatedOid>(
    list: &'a List,
    name: &str,
    read: fn(&'a [u8]) -> der::Result<T>,
) -> Result<Option<T>, String> {
    let value = value(list, T::OID).map(read);
    value.transpose().map_err(malformed(name))
}

fn malformed(name: &str) -> impl Fn(der::Error) -> String {
    move |error| format!("has a malformed {name} ({error}); reissue it")
}
