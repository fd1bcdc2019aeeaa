//! From what was asked to what came of it: the flow that both request APIs share.
//!
//! ```text
//! RawRequest -> Request -> decide() -> Grant -> CertificateToSign -> Signer -> Signature -> Issued
//! ```
//!
//! Everything but the signer is pure and lives in `signet-core`. Whoever calls this has turned a
//! Kubernetes object into [`RawRequest`] and turns the [`Outcome`] into a plan.

mod outcome;

#[cfg(test)]
mod tests;

use std::time::Instant;

use jiff::Timestamp;
pub use outcome::Outcome;
use signet_core::issue::{CertificateToSign, Issued};
use signet_core::policy::{Decision, Denial, Grant, Issuer, Wait, decide};
use signet_core::reason::Reason;
use signet_core::request::{RawRequest, Request};

use crate::issuer_name::IssuerName;
use crate::keyring::{IssuerLookup, ReadyIssuer, State};
use crate::run::metrics::Metrics;

/// What a request is worked on with.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The issuer that the request names.
    pub issuer: &'a IssuerName,
    /// What is known of that issuer.
    pub found: &'a IssuerLookup,
    /// Where the time that a signature takes is written down.
    pub metrics: &'a Metrics,
    /// The time of issue.
    pub now: Timestamp,
}

/// Works on one request.
pub async fn work(asked: RawRequest, given: Given<'_>) -> Outcome {
    let request = match Request::parse(asked) {
        Ok(request) => request,
        Err(refusal) => return Outcome::without_grant(refusal.into()),
    };
    let name = given.issuer.to_string();
    let Some(for_policy) = given.found.for_policy(&name) else {
        return Outcome::Ignored;
    };
    let (grant, loaded) = match (decide(&request, for_policy), given.found) {
        (Decision::Grant(grant), IssuerLookup::Observed(State::Ready(loaded))) => (grant, loaded),
        (decision, _) => return Outcome::without_grant(decision),
    };
    let outcome = sign(&grant, loaded, given).await;
    match (&outcome, given.found.away()) {
        // With this request it became known that the key is away, and the issuer is not ready.
        (Outcome::Waiting(_), Some(error)) => {
            let (name, message) = (&name, &error.message);
            Outcome::without_grant(decide(&request, Issuer::NotReady { name, message }))
        }
        _ => outcome,
    }
}

/// Signs what was granted, and checks what came back before anything is made of it.
async fn sign(grant: &Grant, loaded: &ReadyIssuer, given: Given<'_>) -> Outcome {
    let tbs = match CertificateToSign::from_grant(grant, &loaded.authority(), given.now) {
        Ok(tbs) => tbs,
        Err(error) => return waiting(error.reason(), error.to_string()),
    };
    if let Err(error) = loaded.guard.check_length(&tbs) {
        return Outcome::Denied(Denial {
            reason: Reason::CertificateTooLong,
            message: error.message,
        });
    }
    let started = Instant::now();
    let signature = match loaded.guard.sign(&tbs).await {
        Ok(signature) => signature,
        Err(error) => {
            given.metrics.key_error(loaded.backend, error.class);
            return waiting(Reason::SigningUnavailable, error.message);
        }
    };
    given
        .metrics
        .signed(loaded.backend, started.elapsed().as_secs_f64());
    match Issued::assemble(&tbs, &signature, &loaded.chain) {
        Ok(issued) => Outcome::issued(&issued, grant, loaded.bundle.pem()),
        Err(error) => {
            tracing::error!(%error, backend = loaded.backend, "a signature was thrown away");
            waiting(error.reason(), error.to_string())
        }
    }
}

fn waiting(reason: Reason, message: String) -> Outcome {
    Outcome::Waiting(Wait { reason, message })
}
