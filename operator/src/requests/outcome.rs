//! The outcome of a request.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use signet_core::duration;
use signet_core::issue::Issued;
use signet_core::policy::{Decision, Denial, Grant, Kind, Wait};
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
    /// Why its lifetime is shorter than requested, where it is.
    pub(super) shortened: Option<Shortened>,
    /// The SPIFFE ID, where Signet decided on one.
    pub(super) spiffe_id: Option<String>,
    /// The requested key usages that do not fit the certificate.
    pub(super) dropped_usages: Vec<&'static str>,
}

/// Why a lifetime is shorter than requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shortened {
    /// The CA, or one above it, expires then.
    ByCa(Timestamp),
    /// The profile has a maximum.
    ByProfile { max: Duration, field: &'static str },
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

    /// Returns the outcome when the API server rejects the certificate: it always will.
    pub(super) fn rejected_by_api_server(message: &str) -> Self {
        Self::Denied(
            Reason::InvalidCsr.denial(format!("the API server refuses the certificate: {message}")),
        )
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

impl Shortened {
    fn of(issued: &Issued, grant: &Grant) -> Option<Self> {
        let by_profile = || Self::ByProfile {
            max: grant.duration,
            field: match grant.kind {
                Kind::Leaf => "spec.profile.maxDuration",
                Kind::Ca { .. } => "spec.profile.ca.maxDuration",
            },
        };
        let window = issued.window();
        match window.is_clamped {
            true => Some(Self::ByCa(window.not_after)),
            false => grant.is_capped.then(by_profile),
        }
    }
}

impl fmt::Display for Shortened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByCa(end) => write!(f, "{end}, when the CA expires"),
            Self::ByProfile { max, field } => {
                write!(f, "{}, the issuer's {field}", duration::text(*max))
            }
        }
    }
}

impl Certificate {
    pub(super) fn new(issued: &Issued, grant: &Grant, bundle: &str) -> Self {
        Self {
            chain: issued.chain_pem().to_owned(),
            bundle: bundle.to_owned(),
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
