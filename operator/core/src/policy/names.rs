//! Which subject and subjectAltName the certificate carries.

use der::Encode;
use x509_cert::name::Name;

use super::{Denial, IssuerPolicy, Kind};
use crate::quote;
use crate::reason::Reason;
use crate::request::Request;
use crate::spiffe::SpiffeId;
use crate::x509::names::SubjectAltNames;

/// Decides subject and subjectAltName: the CSR's own raw bytes (rule A3-26), with the SPIFFE ID added where
/// Signet writes it.
pub(super) fn decide(
    request: &Request,
    policy: &IssuerPolicy,
    kind: Kind,
    spiffe_id: Option<&SpiffeId>,
) -> Result<(Vec<u8>, Option<SubjectAltNames>), Denial> {
    let requested = request.csr.extensions.subject_alt_names.as_ref();
    let subject_alt_names = match spiffe_id {
        Some(id) => Some(with_id(requested, id)),
        None => requested.cloned(),
    };
    let subject = match kind {
        Kind::Ca { .. } if request.csr.subject.is_empty => ca_subject(request)?,
        _ => request.csr.subject_der.clone(),
    };
    if request.csr.subject.is_empty && subject_alt_names.is_none() {
        // RFC 5280 4.1.2.6: with an empty subject the name is in the subjectAltName.
        return Err(Reason::InvalidName
            .denial("the CSR has neither a subject nor a subjectAltName; add a name"));
    }
    if policy.ca_subjects.matches(&subject) {
        return Err(ca_name_taken(request));
    }
    Ok((subject, subject_alt_names))
}

/// The one URI that a CSR lists is this ID already: the identity rule let no other pass.
fn with_id(requested: Option<&SubjectAltNames>, id: &SpiffeId) -> SubjectAltNames {
    match requested {
        Some(names) if !names.uris().is_empty() => names.clone(),
        _ => SubjectAltNames::with_uri(requested, id),
    }
}

/// RFC 5280 4.1.2.6: a CA has a subject. One that asks without gets its first DNS name as
/// common name, which repeats a name that it has anyway (rule A3-30).
fn ca_subject(request: &Request) -> Result<Vec<u8>, Denial> {
    let names = request.csr.extensions.subject_alt_names.as_ref();
    let name = names.and_then(|names| names.dns().first());
    let name = name.filter(|name| name.len() <= 64);
    let name = name.and_then(|name| format!("CN={name}").parse::<Name>().ok());
    name.and_then(|name| name.to_der().ok()).ok_or_else(|| {
        Reason::InvalidName.denial("a CA certificate needs a subject; set a common name")
    })
}

/// RFC 5280 6.3.3 finds the issuer of a CRL by name, and a CA's name is its subject: a certificate
/// of the same name could pass for the CA.
fn ca_name_taken(request: &Request) -> Denial {
    let name = request.csr.subject.common_name.as_deref().map(quote::text);
    Reason::InvalidName.denial(format!(
        "the subject{} matches the subject of a CA certificate of this issuer (RFC 5280 7.1 \
         ignores case, white space and string type); change the common name",
        name.map_or(String::new(), |name| format!(" with common name {name}"))
    ))
}
