//! From a raw request to its outcome: the flow that all request APIs share.
//!
//! ```text
//! RawRequest -> Request -> decide() -> Grant -> CertificateToSign -> Signer -> Signature -> Issued
//! ```
//!
//! Everything but the signer is pure and lives in `signet-core`.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use signet_core::issue::{CertificateToSign, Issued};
use signet_core::policy::{Decision, Facts, Grant, Issuer, ServedTrustDomains, decide};
use signet_core::reason::Reason;
use signet_core::request::{RawRequest, Request};

use super::outcome::{Certificate, Outcome};
use super::tenant::namespace;
use crate::issuer_name::IssuerName;
use crate::keyring::{IssuerLookup, ReadyIssuer};
use crate::metrics::Metrics;
use crate::namespace_labels::{KnownLabels, LabelSource};

#[derive(Clone, Copy)]
pub(super) struct SignContext<'a> {
    pub(super) issuer: &'a IssuerName,
    pub(super) lookup: &'a IssuerLookup,
    /// The issuer of the other kind that the request may mean, if there is none of this kind.
    pub(super) other_kind: Option<&'a IssuerName>,
    pub(super) labels: &'a dyn LabelSource,
    pub(super) served: &'a dyn ServedTrustDomains,
    pub(super) metrics: &'a Metrics,
    pub(super) now: Timestamp,
}

/// Issues a certificate. None if its issuer is about to be observed.
pub(super) async fn issue(asked: RawRequest, context: SignContext<'_>) -> Option<Outcome> {
    let name = context.issuer.to_string();
    let other = context.other_kind.map(ToString::to_string);
    let issuer = context.lookup.for_policy(&name, other.as_deref())?;
    let request = match Request::parse(asked) {
        Ok(request) => request,
        Err(denial) => return Some(Outcome::Denied(denial)),
    };
    let (grant, ready) = match (decided(&request, issuer, context).await, context.lookup) {
        (Decision::Grant(grant), IssuerLookup::Ready(ready)) => (grant, ready),
        (decision, _) => return Some(Outcome::without_grant(decision)),
    };
    let namespace = namespace(&request.raw);
    let outcome = sign(&grant, ready, namespace.as_deref(), context).await;
    Some(match (&outcome, context.lookup.unavailable_key()) {
        // This request found that the key is unavailable, and so that the issuer is not ready.
        (Outcome::Waiting(_), Some(error)) => {
            let (name, message) = (&name, &error.message);
            let issuer = Issuer::NotReady { name, message };
            Outcome::without_grant(decided(&request, issuer, context).await)
        }
        _ => outcome,
    })
}

/// Decides on a request. The labels of a namespace are read when a rule needs them, and the request
/// is then decided again.
async fn decided(request: &Request, issuer: Issuer<'_>, context: SignContext<'_>) -> Decision {
    let mut known = KnownLabels::default();
    loop {
        let facts = Facts {
            namespaces: &known,
            served_trust_domains: context.served,
        };
        let decision = decide(request, issuer, facts);
        if !known.read_needed(context.labels).await {
            return decision;
        }
    }
}

/// Signs a grant, and verifies the signature before anything is made of it.
async fn sign(
    grant: &Grant,
    issuer: &ReadyIssuer,
    namespace: Option<&str>,
    context: SignContext<'_>,
) -> Outcome {
    let tbs = match CertificateToSign::from_grant(grant, &issuer.authority(), context.now) {
        Ok(tbs) => tbs,
        Err(error) => return Outcome::waiting(error.reason(), error.to_string()),
    };
    if let Err(error) = issuer.guard.signer().check_length(&tbs) {
        return Outcome::Denied(Reason::CertificateTooLong.denial(error.message));
    }
    if let Err(message) = issuer.records.cover(grant.kind, lifetime(&tbs)).await {
        return Outcome::waiting(Reason::SigningUnavailable, message);
    }
    let started = Instant::now();
    let signature = match issuer.guard.sign(&tbs).await {
        Ok(signature) => signature,
        Err(error) => {
            context.metrics.key_error(issuer.backend, error.class);
            return Outcome::waiting(Reason::SigningUnavailable, error.message);
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    let key = (context.issuer, issuer.backend);
    context.metrics.signed(key, namespace, seconds);
    match Issued::assemble(&tbs, &signature, &issuer.chain) {
        Ok(issued) => {
            let root = issuer.chain.path().last().unwrap_or(issuer.chain.issuing());
            let bundle = issuer.bundle.beginning_with(root);
            Outcome::Issued(Certificate::new(
                &issued,
                grant,
                &bundle,
                &issuer.generation,
            ))
        }
        Err(error) => {
            tracing::error!(%error, backend = issuer.backend, "a signature was discarded");
            Outcome::waiting(error.reason(), error.to_string())
        }
    }
}

fn lifetime(tbs: &CertificateToSign) -> Duration {
    let window = tbs.window();
    let lifetime = window.not_after.duration_since(window.not_before);
    Duration::try_from(lifetime).unwrap_or_default()
}
