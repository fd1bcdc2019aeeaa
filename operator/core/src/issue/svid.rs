//! Whether a finished certificate is an X509-SVID (X509-SVID.md).
//!
//! The bytes are read as a verifier reads them, independently of how they were built.

use const_oid::AssociatedOid;
use der::asn1::AnyRef;
use der::{Decode, Tag, TagNumber, Tagged};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
};

use crate::spiffe::{SpiffeId, SpiffeIdError};

/// Why a certificate is not an X509-SVID with the granted ID. A certificate that was built from a
/// grant always is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SvidError {
    /// It cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Malformed(#[from] der::Error),
    /// An extension is there twice (RFC 5280 4.2).
    #[error("the certificate has an extension twice")]
    Repeated,
    /// X5-1, X5-2.
    #[error("the certificate has {0} URIs, and an X509-SVID has exactly one")]
    Uris(usize),
    /// X5-1, X5-17.
    #[error("the URI is not a SPIFFE ID: {0}")]
    SpiffeId(#[from] SpiffeIdError),
    /// X5-4: it has no path, or it is not what was granted.
    #[error("the SPIFFE ID is {found}, and {granted} was granted")]
    OtherId {
        /// The ID in the certificate.
        found: String,
        /// The granted one.
        granted: String,
    },
    /// X5-5.
    #[error("the subject is empty, and the subjectAltName is not critical")]
    NotCritical,
    /// X5-10.
    #[error("the certificate is a CA's")]
    Ca,
    /// X5-12.
    #[error("the keyUsage is missing or not critical")]
    KeyUsage,
    /// X5-14.
    #[error("the keyUsage has no digitalSignature, or keyCertSign or cRLSign")]
    KeyUsageBits,
    /// X5-15.
    #[error("the extended key usages do not have both serverAuth and clientAuth")]
    ExtendedKeyUsage,
}

/// Checks the DER of a leaf whose ID is the granted one.
pub(super) fn check(certificate: &[u8], granted: &SpiffeId) -> Result<(), SvidError> {
    let certificate = Certificate::from_der(certificate)?;
    let tbs = certificate.tbs_certificate();
    let extensions = tbs.extensions().map_or(&[][..], Vec::as_slice);
    let names = find::<SubjectAltName>(extensions)?;
    check_id(names, granted)?;
    // X5-5
    if tbs.subject().is_empty() && names.is_some_and(|names| !names.critical) {
        return Err(SvidError::NotCritical);
    }
    // X5-10
    let constraints = read::<BasicConstraints>(find::<BasicConstraints>(extensions)?)?;
    if constraints.is_some_and(|constraints| constraints.ca) {
        return Err(SvidError::Ca);
    }
    check_key_usage(find::<KeyUsage>(extensions)?)?;
    check_purposes(read(find::<ExtendedKeyUsage>(extensions)?)?)
}

/// X5-1, X5-2, X5-4: exactly one URI, which is the granted ID, in its canonical form and with a path.
/// Names of other kinds may be beside it (X5-3).
fn check_id(names: Option<&Extension>, granted: &SpiffeId) -> Result<(), SvidError> {
    const URI: Tag = Tag::ContextSpecific {
        constructed: false,
        number: TagNumber(6),
    };
    let names = names.map(|names| Vec::<AnyRef<'_>>::from_der(names.extn_value.as_bytes()));
    let names = names.transpose()?.unwrap_or_default();
    let uris: Vec<_> = names.iter().filter(|name| name.tag() == URI).collect();
    let [uri] = uris[..] else {
        return Err(SvidError::Uris(uris.len()));
    };
    let uri = String::from_utf8_lossy(uri.value());
    let id = SpiffeId::parse(&uri)?;
    if *granted != id || id.to_string() != uri || id.path().is_empty() {
        return Err(SvidError::OtherId {
            found: id.to_string(),
            granted: granted.to_string(),
        });
    }
    Ok(())
}

/// X5-12, X5-14.
fn check_key_usage(extension: Option<&Extension>) -> Result<(), SvidError> {
    let critical = extension.filter(|extension| extension.critical);
    let usage = read::<KeyUsage>(critical)?.ok_or(SvidError::KeyUsage)?;
    let signs_for_a_ca =
        usage.0.contains(KeyUsages::KeyCertSign) || usage.0.contains(KeyUsages::CRLSign);
    match usage.digital_signature() && !signs_for_a_ca {
        true => Ok(()),
        false => Err(SvidError::KeyUsageBits),
    }
}

/// X5-15: Signet always writes both.
fn check_purposes(purposes: Option<ExtendedKeyUsage>) -> Result<(), SvidError> {
    use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
    let purposes = purposes.map(|purposes| purposes.0).unwrap_or_default();
    let both = [ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH];
    match both.iter().all(|purpose| purposes.contains(purpose)) {
        true => Ok(()),
        false => Err(SvidError::ExtendedKeyUsage),
    }
}

fn find<T: AssociatedOid>(extensions: &[Extension]) -> Result<Option<&Extension>, SvidError> {
    let mut found = extensions.iter().filter(|one| one.extn_id == T::OID);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(SvidError::Repeated),
        (one, None) => Ok(one),
    }
}

fn read<T: for<'a> Decode<'a, Error = der::Error>>(
    extension: Option<&Extension>,
) -> Result<Option<T>, SvidError> {
    let value = extension.map(|extension| T::from_der(extension.extn_value.as_bytes()));
    Ok(value.transpose()?)
}
