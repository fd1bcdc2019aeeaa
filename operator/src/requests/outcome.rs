//! The outcome of a request.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use signet_core::duration;
use signet_core::issue::{Issued, ValidityPeriod};
use signet_core::policy::{Cap, Decision, Denial, Grant, Kind, Wait};
use signet_core::reason::Reason;

/// The outcome of a request. None of these is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It may succeed later.
    Waiting(Wait),
    /// It can never succeed.
    Denied(Denial),
    Issued(Certificate),
}

/// An issued certificate, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// Leaf first, then the intermediates.
    pub(super) chain: String,
    /// Every root that is trusted now.
    pub(super) bundle: String,
    pub(super) validity: ValidityPeriod,
    /// Why its lifetime is shorter than requested, where it is.
    pub(super) shortened: Option<Shortened>,
    /// The SPIFFE ID, where Signet decided on one.
    pub(super) spiffe_id: Option<String>,
    /// The requested key usages that do not fit the certificate.
    pub(super) dropped_usages: Vec<&'static str>,
    /// What the log has about it.
    pub(super) trail: Box<Trail>,
}

/// What identifies a certificate later. Agents such as istiod and SPIRE delete their requests, and
/// the log is then the only trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trail {
    /// The rule of the issuer that allowed it.
    pub(super) rule: String,
    pub(super) serial: String,
    /// The SHA-256 of the certificate.
    pub(super) certificate: String,
    /// The SHA-256 of its SubjectPublicKeyInfo.
    pub(super) key: String,
    pub(super) not_after: Timestamp,
    /// The name of the CA generation that signed it.
    pub(super) generation: String,
}

/// Why a lifetime is shorter than requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shortened {
    /// The CA, or one above it, expires then.
    ByCa(Timestamp),
    /// The profile has a maximum.
    ByPolicy { max: Duration, limit: &'static str },
}

impl Outcome {
    /// Returns the outcome of a decision that grants nothing.
    ///
    /// A grant without a ready issuer cannot come about; it waits, which loses nothing.
    pub(super) fn without_grant(decision: Decision) -> Self {
        match decision {
            Decision::Wait(wait) => Self::Waiting(wait),
            Decision::Deny(denial) => Self::Denied(denial),
            Decision::Grant(_) => Self::waiting(
                Reason::IssuerNotReady,
                "the issuer was lost while the request was decided".to_owned(),
            ),
        }
    }

    pub(super) fn waiting(reason: Reason, message: String) -> Self {
        Self::Waiting(Wait { reason, message })
    }

    pub(super) fn labels(&self) -> (&'static str, Reason) {
        match self {
            Self::Waiting(wait) => ("waiting", wait.reason),
            Self::Denied(denial) => ("denied", denial.reason),
            Self::Issued(_) => ("issued", Reason::Issued),
        }
    }

    /// Whether to retry after a while, since no event will wake the request.
    pub(super) fn wants_retry(&self) -> bool {
        let is_woken = |reason| {
            matches!(
                reason,
                Reason::IssuerNotFound | Reason::IssuerNotReady | Reason::CaExpiresTooSoon
            )
        };
        matches!(self, Self::Waiting(wait) if !is_woken(wait.reason))
    }
}

/// Returns the denial when the API server rejects the certificate and always will.
pub(super) fn rejected_by_api_server(reason: Reason, message: &str) -> Denial {
    reason.denial(format!("the API server refuses the certificate: {message}"))
}

impl Shortened {
    fn of(issued: &Issued, grant: &Grant) -> Option<Self> {
        let by_cap = |cap| Self::ByPolicy {
            max: grant.duration,
            limit: match (cap, grant.kind) {
                (Cap::Profile, Kind::Leaf) => "the issuer's spec.profile.maxDuration",
                (Cap::Profile, Kind::Ca { .. }) => "the issuer's spec.profile.ca.maxDuration",
                (Cap::Rule, Kind::Leaf) => "the maxDuration of its rule",
                (Cap::Rule, Kind::Ca { .. }) => "the ca.maxDuration of its rule",
            },
        };
        let window = issued.window();
        match window.is_clamped {
            true => Some(Self::ByCa(window.not_after)),
            false => grant.cap.map(by_cap),
        }
    }
}

impl fmt::Display for Shortened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByCa(end) => write!(f, "{end}, when the CA expires"),
            Self::ByPolicy { max, limit } => {
                write!(f, "{}, {limit}", duration::text(*max))
            }
        }
    }
}

impl Certificate {
    pub(super) fn new(issued: &Issued, grant: &Grant, bundle: &str, generation: &str) -> Self {
        Self {
            trail: Box::new(Trail {
                rule: grant.rule.clone(),
                serial: issued.serial().to_owned(),
                certificate: issued.fingerprint(),
                key: grant.public_key.fingerprint(),
                not_after: issued.window().not_after,
                generation: generation.to_owned(),
            }),
            chain: issued.chain_pem().to_owned(),
            bundle: bundle.to_owned(),
            validity: issued.window(),
            shortened: Shortened::of(issued, grant),
            spiffe_id: grant.spiffe_id.as_ref().map(ToString::to_string),
            dropped_usages: grant.dropped_usages.clone(),
        }
    }

    pub(super) fn message(&self) -> String {
        let mut message = match &self.spiffe_id {
            Some(id) => format!("Certificate issued with SPIFFE ID {id}"),
            None => "Certificate issued".to_owned(),
        };
        if let Some(shortened) = self.shortened {
            message += &format!("; lifetime shortened to {shortened}");
        }
        if !self.dropped_usages.is_empty() {
            let dropped = self.dropped_usages.join(", ");
            message += &format!("; dropped usages that do not fit the certificate: {dropped}");
        }
        message
    }
}
