//! What policy would decide on a request that was not made, for pipelines that check it beforehand.
//!
//! The decision is that of [`decide`]. Nothing can be signed from it: it has the terms
//! of a grant, and not the grant.

use der::{Decode, Encode};
use x509_cert::name::Name;

use crate::issue::parse_subject;
use crate::policy::{Decision, Denial, Facts, Issuer, Terms, Wait, decide};
use crate::quote;
use crate::request::{CsrDraft, RawRequest, Request};

/// A decision that cannot be acted on.
#[derive(Clone, Debug)]
pub enum Forecast {
    /// The request would wait.
    Wait(Wait),
    /// It would be refused.
    Deny(Denial),
    /// It would be granted.
    Grant(Box<Terms>),
}

/// Predicts the decision on a request with the CSR that it has.
pub fn forecast(raw: RawRequest, issuer: Issuer<'_>, facts: Facts<'_>) -> Forecast {
    of(Request::parse(raw), issuer, facts)
}

/// Predicts the decision on a request whose CSR is still to be made. That in `raw` is not read.
pub fn forecast_draft(
    raw: RawRequest,
    draft: &CsrDraft,
    issuer: Issuer<'_>,
    facts: Facts<'_>,
) -> Forecast {
    of(Request::from_draft(raw, draft), issuer, facts)
}

/// Returns the DER of a subject that is written as in RFC 4514, for a [`CsrDraft`].
///
/// # Errors
/// It cannot be read. The message continues one that ends in the text.
pub fn literal_subject(text: &str) -> Result<Vec<u8>, String> {
    let name = parse_subject(text)?;
    name.to_der()
        .map_err(|error| format!("cannot be encoded: {error}"))
}

/// Returns a subject in one line, as RFC 4514 writes it; empty if it is empty.
pub fn subject_text(der: &[u8]) -> String {
    let name = Name::from_der(der).map(|name| quote::name(&name.to_string()));
    name.unwrap_or_default()
}

fn of(request: Result<Request, Denial>, issuer: Issuer<'_>, facts: Facts<'_>) -> Forecast {
    match request.map(|request| decide(&request, issuer, facts)) {
        Err(denial) | Ok(Decision::Deny(denial)) => Forecast::Deny(denial),
        Ok(Decision::Wait(wait)) => Forecast::Wait(wait),
        Ok(Decision::Grant(grant)) => Forecast::Grant(Box::new((**grant).clone())),
    }
}
