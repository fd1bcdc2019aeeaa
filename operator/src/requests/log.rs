//! The log line of a decision: one for each grant and refusal, and for each reason to wait.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use kube::ResourceExt;
use signet_core::request::{BareKey, Claims, RawRequest};

use super::kind::RequestKind;
use super::object::{Due, Observed};
use super::outcome::{Certificate, Outcome};

/// The longest text of a requester in a line. ServiceAccounts have shorter names.
const MAX_TEXT: usize = 1024;

/// What a decision is about.
pub(super) struct Subject<'a, K: RequestKind> {
    pub(super) object: &'a Observed<K>,
    pub(super) due: &'a Due<K>,
    /// The key of a pod whose request was read again for it.
    pub(super) bare_key: Option<&'a BareKey>,
}

/// A certificate that is being written. Dropped before the result is known, it logs the certificate:
/// a requester may have it.
pub(super) struct Unsettled<'a, K: RequestKind> {
    subject: &'a Subject<'a, K>,
    outcome: &'a Outcome,
    is_settled: bool,
}

impl<'a, K: RequestKind> Unsettled<'a, K> {
    pub(super) fn new(subject: &'a Subject<'a, K>, outcome: &'a Outcome) -> Self {
        Self {
            subject,
            outcome,
            is_settled: !matches!(outcome, Outcome::Issued(_)),
        }
    }

    pub(super) fn settle(mut self) {
        self.is_settled = true;
    }
}

impl<K: RequestKind> Drop for Unsettled<'_, K> {
    fn drop(&mut self) {
        if !self.is_settled {
            line(self.subject, self.outcome, Some("unknown"));
        }
    }
}

pub(super) fn decision<K: RequestKind>(subject: &Subject<'_, K>, outcome: &Outcome) {
    line(subject, outcome, None);
}

/// Texts of requesters are strings here, which both formats of the log escape.
fn line<K: RequestKind>(subject: &Subject<'_, K>, outcome: &Outcome, written: Option<&str>) {
    let Subject { object, due, .. } = subject;
    let (label, reason) = outcome.labels();
    let certificate = match outcome {
        Outcome::Issued(certificate) => Some(certificate),
        Outcome::Waiting(_) | Outcome::Denied(_) => None,
    };
    let trail = certificate.map(|certificate| &certificate.trail);
    let (rule, claims) = refused(subject, outcome);
    tracing::info!(
        api = K::API.as_str(),
        namespace = object.namespace(),
        name = object.name_any(),
        uid = object.uid(),
        issuer = &*limited(&due.issuer.to_string()),
        outcome = label,
        reason = %reason,
        written,
        requester = &*limited(&requester(&due.request)),
        requester_uid = &*limited(requester_uid(&due.request)),
        certificate_of = due.request.certificate.as_deref().map(limited).as_deref(),
        rule = trail.map_or(rule, |trail| Some(&trail.rule)),
        spiffe_id = certificate.and_then(|certificate| certificate.spiffe_id.as_deref()),
        requested_uri = claims.uri.as_deref().map(limited).as_deref(),
        serial = trail.map(|trail| trail.serial.as_str()),
        certificate_sha256 = trail.map(|trail| trail.certificate.as_str()),
        key_sha256 = trail.map_or(claims.key.as_ref(), |trail| Some(&trail.key)),
        not_after = trail.map(|trail| trail.not_after.to_string()),
        ca_generation = trail.map(|trail| trail.generation.as_str()),
        detail = detail(outcome, certificate),
        "{}",
        K::API.as_str()
    );
}

/// Returns the closest rule, and what was requested.
fn refused<'a, K: RequestKind>(
    subject: &Subject<'_, K>,
    outcome: &'a Outcome,
) -> (Option<&'a String>, Claims) {
    match outcome {
        Outcome::Denied(denial) => (
            denial.rule.as_ref(),
            subject.due.request.claims(subject.bare_key),
        ),
        Outcome::Issued(_) | Outcome::Waiting(_) => (None, Claims::default()),
    }
}

/// Cuts off the end of a long text.
fn limited(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Returns why nothing was issued, or what the certificate lacks of what was requested.
fn detail(outcome: &Outcome, certificate: Option<&Certificate>) -> String {
    match (outcome, certificate) {
        (Outcome::Waiting(wait), _) => wait.message.clone(),
        (Outcome::Denied(denial), _) => denial.message.clone(),
        (Outcome::Issued(_), certificate) => {
            certificate.map(Certificate::message).unwrap_or_default()
        }
    }
}

/// Returns who requests, for the log: a user, or a pod with its ServiceAccount.
fn requester(request: &RawRequest) -> Cow<'_, str> {
    match (&request.pod, &request.requester) {
        (Some(pod), _) => Cow::Owned(format!(
            "pod {}/{} with ServiceAccount {}",
            pod.namespace, pod.name, pod.service_account
        )),
        (None, requester) => Cow::Borrowed(&requester.username),
    }
}

fn requester_uid(request: &RawRequest) -> &str {
    match &request.pod {
        Some(pod) => &pod.uid,
        None => &request.requester.uid,
    }
}
