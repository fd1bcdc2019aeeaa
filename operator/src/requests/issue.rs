//! From a raw request to its outcome: the flow that all request APIs share.
//!
//! ```text
//! RawRequest -> Request -> decide() -> Grant -> CertificateToSign -> Signer -> Signature -> Issued
//! ```
//!
//! Everything but the signer is pure and lives in `signet-core`.

#[cfg(test)]
mod tests;

use std::time::Instant;

use jiff::Timestamp;
use signet_core::issue::{CertificateToSign, Issued};
use signet_core::policy::{Decision, Denial, Grant, Issuer, decide};
use signet_core::reason::Reason;
use signet_core::request::{RawRequest, Refusal, Request};
use signet_keys::ErrorClass;

use super::outcome::{Certificate, Outcome};
use crate::issuer_name::IssuerName;
use crate::keyring::{IssuerLookup, ReadyIssuer, State};

/// A signature that was requested of a key: the backend's name, and the seconds that it took.
pub(super) type KeyUse = (&'static str, Result<f64, ErrorClass>);

/// What a certificate is issued with.
#[derive(Clone, Copy)]
pub(super) struct SignContext<'a> {
    /// The issuer that the request names.
    pub(super) issuer: &'a IssuerName,
    /// The state of that issuer.
    pub(super) lookup: &'a IssuerLookup,
    /// Records each use of the key.
    pub(super) record: &'a (dyn Fn(KeyUse) + Sync),
    /// The time of issue.
    pub(super) now: Timestamp,
}

/// Issues a certificate. None if the request is left alone for now: it is not approved, or its
/// issuer is about to be observed.
pub(super) async fn issue(asked: RawRequest, context: SignContext<'_>) -> Option<Outcome> {
    let request = match Request::parse(asked) {
        Ok(request) => request,
        Err(Refusal::NotApproved) => return None,
        Err(Refusal::Denied(denial)) => return Some(Outcome::Denied(denial)),
    };
    let name = context.issuer.to_string();
    let issuer = context.lookup.for_policy(&name)?;
    let (grant, ready) = match (decide(&request, issuer), context.lookup) {
        (Decision::Grant(grant), IssuerLookup::Observed(State::Ready(ready))) => (grant, ready),
        (decision, _) => return Outcome::without_grant(decision),
    };
    let outcome = sign(&grant, ready, context).await;
    match (&outcome, context.lookup.unavailable_key()) {
        // This request found that the key is unavailable, and so that the issuer is not ready.
        (Outcome::Waiting(_), Some(error)) => {
            let (name, message) = (&name, &error.message);
            Outcome::without_grant(decide(&request, Issuer::NotReady { name, message }))
        }
        _ => Some(outcome),
    }
}

/// Signs a grant, and verifies the signature before anything is made of it.
async fn sign(grant: &Grant, issuer: &ReadyIssuer, context: SignContext<'_>) -> Outcome {
    let tbs = match CertificateToSign::from_grant(grant, &issuer.authority(), context.now) {
        Ok(tbs) => tbs,
        Err(error) => return Outcome::waiting(error.reason(), error.to_string()),
    };
    if let Err(error) = issuer.guard.signer().check_length(&tbs) {
        return Outcome::Denied(Denial {
            reason: Reason::CertificateTooLong,
            message: error.message,
        });
    }
    let started = Instant::now();
    let signature = match issuer.guard.sign(&tbs).await {
        Ok(signature) => signature,
        Err(error) => {
            (context.record)((issuer.backend, Err(error.class)));
            return Outcome::waiting(Reason::SigningUnavailable, error.message);
        }
    };
    (context.record)((issuer.backend, Ok(started.elapsed().as_secs_f64())));
    match Issued::assemble(&tbs, &signature, &issuer.chain) {
        Ok(issued) => Outcome::Issued(Certificate::new(&issued, grant, issuer.bundle.pem())),
        Err(error) => {
            tracing::error!(%error, backend = issuer.backend, "a signature was discarded");
            Outcome::waiting(error.reason(), error.to_string())
        }
    }
}
