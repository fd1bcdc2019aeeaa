//! The extensions of RFC 5280 4.2 that Signet writes.

use const_oid::{AssociatedOid, ObjectIdentifier};
use der::Encode;
use der::asn1::OctetString;
use x509_cert::der::flagset::FlagSet;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    NameConstraints, SubjectAltName, SubjectKeyIdentifier,
};

use super::{CaRequest, CaUrls, SelfSigned};
use crate::ca::CaCertificate;
use crate::policy::{Grant, Kind};
use crate::spiffe::TrustDomain;
use crate::x509::names::{EMPTY_NAME, SubjectAltNames};
use crate::x509::public_key::PublicKey;

/// Returns the extensions of what a grant allows.
pub(super) fn for_grant(
    grant: &Grant,
    ca: &CaCertificate,
    urls: &CaUrls,
) -> der::Result<Vec<Extension>> {
    let usages = &grant.usages;
    let mut extensions = vec![
        authority_key_identifier(ca)?,
        subject_key_identifier(&grant.public_key)?,
        key_usage(usages.key)?,
    ];
    if !usages.extended.is_empty() {
        let purposes = ExtendedKeyUsage(usages.extended.clone());
        extensions.push(encode(&purposes, false)?);
    }
    extensions.push(match grant.kind {
        Kind::Leaf => basic_constraints(false, None)?,
        Kind::Ca { path_length } => basic_constraints(true, Some(path_length))?,
    });
    if let Some(names) = &grant.subject_alt_names {
        // X5-5: critical exactly when the subject is empty.
        let critical = grant.subject_der == EMPTY_NAME;
        extensions.push(raw(SubjectAltName::OID, critical, names.der())?);
    }
    if let Some(constraints) = &grant.name_constraints {
        // RFC 5280 4.2.1.10: nameConstraints MUST be critical.
        extensions.push(raw(NameConstraints::OID, true, constraints)?);
    }
    if let Some(points) = urls.crl_distribution_points() {
        // RFC 5280 4.2.1.13: the extension SHOULD be non-critical.
        extensions.push(encode(&points, false)?);
    }
    if let Some(access) = urls.authority_info_access() {
        // RFC 5280 4.2.2.1: conforming CAs MUST mark this extension as non-critical.
        extensions.push(encode(&access, false)?);
    }
    Ok(extensions)
}

/// Returns the extensions of an issuer's own root. It has no authorityKeyIdentifier (RFC 5280
/// 4.2.1.1 allows its absence only on self-signed certificates).
pub(super) fn for_root(root: &SelfSigned, key: &PublicKey) -> der::Result<Vec<Extension>> {
    for_own_ca(key, root.path_length, root.trust_domain.as_ref())
}

/// Returns the extensions that a CSR for an issuer's CA certificate requests. The
/// authorityKeyIdentifier is the parent's to add.
pub(super) fn for_ca_request(request: &CaRequest, key: &PublicKey) -> der::Result<Vec<Extension>> {
    let trust_domain = request.trust_domain.as_ref();
    let mut extensions = for_own_ca(key, request.path_length, trust_domain)?;
    if let Some(constraints) = &request.name_constraints {
        // RFC 5280 4.2.1.10: nameConstraints MUST be critical.
        extensions.push(raw(NameConstraints::OID, true, constraints.der())?);
    }
    Ok(extensions)
}

/// The subject of a CA is never empty, so that its subjectAltName is not critical (X5-5).
fn for_own_ca(
    key: &PublicKey,
    path_length: Option<u8>,
    trust_domain: Option<&TrustDomain>,
) -> der::Result<Vec<Extension>> {
    let mut extensions = vec![
        subject_key_identifier(key)?,
        key_usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)?,
        basic_constraints(true, path_length)?,
    ];
    if let Some(trust_domain) = trust_domain {
        // X5-7: the ID of a CA has no path.
        let names = SubjectAltNames::with_uri(None, &trust_domain.id());
        extensions.push(raw(SubjectAltName::OID, false, names.der())?);
    }
    Ok(extensions)
}

/// PKI-3: copied from the CA certificate, never computed. A CA that has none (older tools
/// leave it out) gets the identifier that a reader would compute.
fn authority_key_identifier(ca: &CaCertificate) -> der::Result<Extension> {
    let identifier = ca
        .subject_key_identifier()
        .map_or_else(|| ca.public_key().key_identifier().to_vec(), <[u8]>::to_vec);
    let value = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(identifier)?),
        ..AuthorityKeyIdentifier::default()
    };
    encode(&value, false)
}

fn subject_key_identifier(key: &PublicKey) -> der::Result<Extension> {
    let identifier = OctetString::new(key.key_identifier())?;
    encode(&SubjectKeyIdentifier(identifier), false)
}

/// PKI-5: critical, on all.
fn key_usage(bits: FlagSet<KeyUsages>) -> der::Result<Extension> {
    encode(&KeyUsage(bits), true)
}

/// PKI-4: critical. On leaves too, where cA is false (rule A3-27).
fn basic_constraints(ca: bool, path_len_constraint: Option<u8>) -> der::Result<Extension> {
    let constraints = BasicConstraints {
        ca,
        path_len_constraint,
    };
    encode(&constraints, true)
}

fn encode<T: AssociatedOid + Encode>(value: &T, critical: bool) -> der::Result<Extension> {
    raw(T::OID, critical, &value.to_der()?)
}

fn raw(extn_id: ObjectIdentifier, critical: bool, value: &[u8]) -> der::Result<Extension> {
    Ok(Extension {
        extn_id,
        critical,
        extn_value: OctetString::new(value)?,
    })
}
