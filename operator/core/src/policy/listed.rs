//! The SPIFFE ID that a CSR lists.

use super::Denial;
use crate::quote;
use crate::reason::Reason;
use crate::request::Request;
use crate::spiffe::SpiffeId;
use crate::x509::names::SubjectAltNames;

/// How a SPIFFE ID begins, in any case.
const SCHEME: &str = "spiffe:";

pub(super) fn uris(request: &Request) -> &[String] {
    let names = request.csr.extensions.subject_alt_names.as_ref();
    names.map(SubjectAltNames::uris).unwrap_or_default()
}

/// Returns the one URI that the CSR lists, read as a SPIFFE ID (X5-2: exactly one URI SAN).
pub(super) fn parse(request: &Request) -> Result<Option<SpiffeId>, Denial> {
    match uris(request) {
        [] => Ok(None),
        [uri] => parse_canonical(uri).map(Some),
        uris => Err(Reason::IdentityNotAllowed.denial(format!(
            "the CSR lists {} URIs, and an X509-SVID has exactly one (X509-SVID 2)",
            uris.len()
        ))),
    }
}

/// Returns the SPIFFE ID among the URIs that an issuer without a trust domain is asked for; none if
/// it is not the only one.
pub(super) fn find(request: &Request) -> Option<SpiffeId> {
    let mut spiffe = uris(request).iter().filter(|uri| has_scheme(uri));
    let id = spiffe.next().and_then(|uri| parse_canonical(uri).ok());
    id.filter(|_| spiffe.next().is_none())
}

/// Returns whether a URI has the scheme of SPIFFE IDs.
pub(super) fn has_scheme(uri: &str) -> bool {
    let scheme = uri.get(..SCHEME.len());
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

/// A listed ID goes into the certificate as it stands, so it must stand in lower case (SID-7).
fn parse_canonical(uri: &str) -> Result<SpiffeId, Denial> {
    let shown = quote::text(uri);
    let id = SpiffeId::parse(uri).map_err(|error| {
        Reason::IdentityNotAllowed.denial(format!("the URI {shown} is not a SPIFFE ID: {error}"))
    })?;
    if id.to_string() == uri {
        return Ok(id);
    }
    Err(Reason::IdentityNotAllowed.denial(format!(
        "write the SPIFFE ID {shown} in its canonical form, {id}"
    )))
}
