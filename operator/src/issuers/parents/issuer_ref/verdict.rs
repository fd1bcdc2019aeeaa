//! What a CertificateRequest's status says. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use signet_api::external::certificate_request::{
    CertificateRequest, CertificateRequestCondition, CertificateRequestStatus,
};
use signet_core::quote;

use crate::issuers::submission::Signed;

/// Where a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It waits for its approval or for the parent: what a reader should know.
    Waiting(String),
    /// It will never be signed.
    Failed { message: String, at: Timestamp },
    /// It has a certificate.
    Issued(Response),
}

/// What the parent returned, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    /// Its roots are what the parent calls its CA: perhaps a root, perhaps something else.
    pub(super) signed: Signed,
    pub(super) at: Timestamp,
}

/// Reads a request in the order of cert-manager's own issuers (rules A1-4 to A1-6).
pub(super) fn read(object: &CertificateRequest, now: Timestamp) -> Verdict {
    let unread = CertificateRequestStatus::default();
    let status = object.status.as_ref().unwrap_or(&unread);
    let created = object.metadata.creation_timestamp.as_ref();
    let created = created.map_or(now, |time| time.0.min(now));
    let since = |condition: &CertificateRequestCondition| {
        let at = condition.last_transition_time.as_ref();
        at.map_or(created, |time| time.0.clamp(created, now))
    };
    let failed = |what: &str, condition: &CertificateRequestCondition| Verdict::Failed {
        message: format!("{what}{}", said(condition)),
        at: since(condition),
    };
    let is_true = |type_| status.condition(type_).filter(|it| it.status == "True");
    if let Some(denied) = is_true("Denied") {
        return failed("was denied", denied);
    }
    if let Some(invalid) = is_true("InvalidRequest") {
        return failed("is not valid for its issuer", invalid);
    }
    let Some(ready) = status.condition("Ready") else {
        return Verdict::Waiting(waiting(status).to_owned());
    };
    if ready.reason.as_deref() == Some("Failed") || ready.reason.as_deref() == Some("Denied") {
        return failed("failed", ready);
    }
    match (ready.status == "True").then(|| decode(status.certificate.as_deref())) {
        Some(Some(path)) => Verdict::Issued(Response {
            signed: Signed {
                path,
                roots: decode(status.ca.as_deref()),
            },
            at: since(ready),
        }),
        Some(None) => failed("is ready without a certificate", ready),
        None => Verdict::Waiting(format!("{}{}", waiting(status), said(ready))),
    }
}

fn waiting(status: &CertificateRequestStatus) -> &'static str {
    match status.is_true("Approved") {
        true => "is approved and not signed yet",
        false => "is not approved yet",
    }
}

/// Returns the message of a condition, which may be any text.
fn said(condition: &CertificateRequestCondition) -> String {
    let message = condition.message.as_deref().unwrap_or_default();
    match message.is_empty() {
        true => String::new(),
        false => format!(": {}", quote::message(message)),
    }
}

fn decode(base64: Option<&str>) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(base64?).ok()?;
    (!bytes.is_empty()).then_some(bytes)
}
