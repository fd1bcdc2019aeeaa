//! What came of a request.

use jiff::Timestamp;
use signet_core::issue::Issued;
use signet_core::policy::{Decision, Denial, Grant, Wait};
use signet_core::reason::Reason;

/// What came of a request. None of these is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is to be written.
    Ignored,
    /// It may succeed later.
    Waiting(Wait),
    /// It can never succeed.
    Denied(Denial),
    /// It has a certificate.
    Issued {
        /// Leaf first, then the intermediates.
        chain: String,
        /// Every root that is trusted now.
        bundle: String,
        /// When the CA's own end cut the lifetime: the end that was given instead.
        clamped: Option<Timestamp>,
        /// The SPIFFE ID, when Signet decided on one.
        spiffe_id: Option<String>,
        /// The requested key usages that do not fit the certificate.
        dropped_usages: Vec<&'static str>,
    },
}

impl Outcome {
    /// The outcome of a decision that grants nothing.
    ///
    /// A grant without a ready issuer cannot come about; it waits, which loses nothing.
    pub(super) fn without_grant(decision: Decision) -> Self {
        match decision {
            Decision::Ignore => Self::Ignored,
            Decision::Wait(wait) => Self::Waiting(wait),
            Decision::Deny(denial) => Self::Denied(denial),
            Decision::Grant(_) => Self::Waiting(Wait {
                reason: Reason::IssuerNotReady,
                message: "the issuer was lost while the request was decided".to_owned(),
            }),
        }
    }

    pub(super) fn issued(issued: &Issued, grant: &Grant, bundle: &str) -> Self {
        Self::Issued {
            chain: issued.chain_pem().to_owned(),
            bundle: bundle.to_owned(),
            clamped: issued.is_clamped().then(|| issued.not_after()),
            spiffe_id: grant.spiffe_id().map(ToString::to_string),
            dropped_usages: grant.dropped_usages().collect(),
        }
    }

    /// The outcome when the API server does not take the certificate: it never will.
    pub fn refused_by_api_server(&self, sentence: &str) -> Self {
        Self::Denied(Denial {
            reason: Reason::InvalidCsr,
            message: format!("the API server refuses the certificate: {sentence}"),
        })
    }

    /// The outcome and the reason, as metrics name them; none for what was ignored.
    pub fn labels(&self) -> Option<(&'static str, Reason)> {
        match self {
            Self::Ignored => None,
            Self::Waiting(wait) => Some(("waiting", wait.reason)),
            Self::Denied(denial) => Some(("denied", denial.reason)),
            Self::Issued { .. } => Some(("issued", Reason::Issued)),
        }
    }

    /// Whether it should be tried again after a while, since no event will tell when.
    pub fn wants_retry(&self) -> bool {
        match self {
            Self::Waiting(wait) => {
                !matches!(wait.reason, Reason::IssuerNotFound | Reason::IssuerNotReady)
            }
            _ => false,
        }
    }

    /// The sentence for a certificate that was issued.
    pub fn issued_message(
        clamped: Option<Timestamp>,
        spiffe_id: Option<&str>,
        dropped_usages: &[&str],
    ) -> String {
        let mut message = match spiffe_id {
            Some(id) => format!("Certificate issued with SPIFFE ID {id}"),
            None => "Certificate issued".to_owned(),
        };
        if let Some(end) = clamped {
            message.push_str(&format!(
                "; it ends at {end}, earlier than was asked for, because the CA does"
            ));
        }
        if !dropped_usages.is_empty() {
            message.push_str(&format!(
                "; dropped usages that do not fit the certificate: {}",
                dropped_usages.join(", ")
            ));
        }
        message
    }
}
