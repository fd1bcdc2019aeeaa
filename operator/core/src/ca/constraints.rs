//! The extensions of a CA certificate that restrict what it may issue.

use std::collections::BTreeSet;

use const_oid::AssociatedOid;
use der::Decode;
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{KeyUsage, KeyUsages, NameConstraints, SubjectKeyIdentifier};

use crate::quote;
use crate::x509::basic_constraints::BasicConstraints;

const NOT_CA: &str =
    "is not a CA certificate (basicConstraints CA:TRUE is missing); use a CA certificate";

/// Of a CA: what issuing under it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Constraints {
    pub(super) path_length: Option<u8>,
    pub(super) key_identifier: Option<Vec<u8>>,
    /// Whether nameConstraints has subtrees of URIs.
    pub(super) uris: bool,
}

impl Constraints {
    /// Reads them; the error is why the certificate cannot be a CA's.
    pub(super) fn read(extensions: &Extensions) -> Result<Self, String> {
        check_unique(extensions)?;
        let constraints = find(extensions, "basicConstraints", BasicConstraints::from_der)?
            .filter(|constraints| constraints.ca)
            .ok_or(NOT_CA)?;
        let usage = find(extensions, "keyUsage", KeyUsage::from_der)?;
        if usage.is_some_and(|usage| !usage.0.contains(KeyUsages::KeyCertSign)) {
            return Err(
                "cannot sign certificates (key usage keyCertSign is missing); use a CA certificate"
                    .into(),
            );
        }
        let read = SubjectKeyIdentifier::from_der;
        let identifier = find(extensions, "subjectKeyIdentifier", read)?;
        Ok(Self {
            path_length: constraints.path_length,
            key_identifier: identifier.map(|identifier| identifier.0.as_bytes().to_vec()),
            // They bind verifiers and not the issuer: an unreadable one is not a reason to refuse.
            uris: find(extensions, "nameConstraints", NameConstraints::from_der)
                .ok()
                .flatten()
                .is_some_and(|constraints| has_uris(&constraints)),
        })
    }
}

fn has_uris(constraints: &NameConstraints) -> bool {
    let lists = [
        &constraints.permitted_subtrees,
        &constraints.excluded_subtrees,
    ];
    let mut subtrees = lists.into_iter().flatten().flatten();
    subtrees.any(|subtree| matches!(subtree.base, GeneralName::UniformResourceIdentifier(_)))
}

/// RFC 5280 4.2: readers of an extension that is there twice need not agree on which one counts.
fn check_unique(extensions: &Extensions) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    match extensions.iter().find(|it| !seen.insert(it.extn_id)) {
        None => Ok(()),
        Some(twice) => {
            let name = quote::oid(&twice.extn_id);
            Err(format!("has the extension {name} twice; reissue it"))
        }
    }
}

/// Reads an extension. One that cannot be read is an error, and not absent.
fn find<'a, T: AssociatedOid>(
    extensions: &'a Extensions,
    name: &str,
    read: fn(&'a [u8]) -> der::Result<T>,
) -> Result<Option<T>, String> {
    let extension = extensions.iter().find(|it| it.extn_id == T::OID);
    let value = extension.map(|extension| read(extension.extn_value.as_bytes()));
    let malformed = |error| format!("has a malformed {name} ({error}); reissue it");
    value.transpose().map_err(malformed)
}
