//! The extensions of a CA certificate that restrict what it may issue.

use std::collections::BTreeSet;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::ID_CE_BASIC_CONSTRAINTS;
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
        let constraints = value(extensions, ID_CE_BASIC_CONSTRAINTS)
            .map(BasicConstraints::from_der)
            .transpose()
            .map_err(malformed("basicConstraints"))?
            .filter(|constraints| constraints.ca)
            .ok_or(NOT_CA)?;
        let usage = find::<KeyUsage>(extensions, "keyUsage")?;
        if usage.is_some_and(|usage| !usage.0.contains(KeyUsages::KeyCertSign)) {
            return Err(
                "cannot sign certificates (key usage keyCertSign is missing); use a CA certificate"
                    .into(),
            );
        }
        let identifier = find::<SubjectKeyIdentifier>(extensions, "subjectKeyIdentifier")?;
        Ok(Self {
            path_length: constraints.path_length,
            key_identifier: identifier.map(|identifier| identifier.0.as_bytes().to_vec()),
            // They bind verifiers and not the issuer: an unreadable one is not a reason to refuse.
            uris: find::<NameConstraints>(extensions, "nameConstraints")
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
    for extension in extensions {
        if !seen.insert(extension.extn_id) {
            let name = quote::oid(&extension.extn_id);
            return Err(format!("has the extension {name} twice; reissue it"));
        }
    }
    Ok(())
}

/// Reads an extension. One that cannot be read is an error, and not absent.
fn find<'a, T>(extensions: &'a Extensions, name: &str) -> Result<Option<T>, String>
where
    T: const_oid::AssociatedOid + Decode<'a, Error = der::Error>,
{
    value(extensions, T::OID)
        .map(T::from_der)
        .transpose()
        .map_err(malformed(name))
}

fn value(extensions: &Extensions, id: ObjectIdentifier) -> Option<&[u8]> {
    let extension = extensions.iter().find(|extension| extension.extn_id == id);
    extension.map(|extension| extension.extn_value.as_bytes())
}

fn malformed(name: &str) -> impl FnOnce(der::Error) -> String {
    move |error| format!("has a malformed {name} ({error}); reissue it")
}
