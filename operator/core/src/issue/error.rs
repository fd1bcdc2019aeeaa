//! Why nothing was issued.

use std::time::Duration;

use jiff::Timestamp;

use super::SvidError;
use crate::ca::ChainError;
use crate::duration;
use crate::reason::Reason;
use crate::request::csr::CsrError;
use crate::x509::public_key::SignatureMismatch;

/// Why a certificate was not built or not published. None of these is about the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The CA, or one above it, has expired (PKI-6).
    #[error("the CA certificate or one above it expired at {0}; renew the CA")]
    Expired(Timestamp),
    /// The CA, or one above it, is not valid yet (PKI-6).
    #[error("the CA certificate or one above it is not valid before {0}")]
    NotYetValid(Timestamp),
    /// Too little of the lifetime of the CA, or of one above it, remains to shorten a certificate to.
    #[error(
        "the CA certificate or one above it expires at {at}, in less than {} \
         (spec.profile.minDuration); the request waits until the CA is renewed. A request for a \
         shorter lifetime can be issued",
        duration::text(*.min)
    )]
    ExpiresTooSoon {
        /// When it expires.
        at: Timestamp,
        /// The minimum that must remain.
        min: Duration,
    },
    /// The CA, or one above it, expires before the certificate would, which must not be shortened.
    #[error(
        "the CA certificate or one above it expires at {at}, earlier than a certificate of {} \
         would, and spec.profile.whenCAExpiresFirst is Wait; the request waits until the CA is \
         renewed. A request for a shorter lifetime can be issued",
        duration::text(*.duration)
    )]
    ExpiresFirst {
        /// When it expires.
        at: Timestamp,
        /// The requested lifetime.
        duration: Duration,
    },
    /// A field does not fit into DER.
    #[error("the certificate cannot be encoded: {0}")]
    Encoding(#[from] der::Error),
    /// The signature is not that of the CA's key over these bytes.
    #[error("the signature does not verify under the CA's public key")]
    SignatureMismatch(#[from] SignatureMismatch),
    /// The certificate was built under another CA, or does not fit inside the chain.
    #[error(
        "the certificate was built for another CA certificate or does not fit inside its chain"
    )]
    OutsideChain,
    /// A leaf in a trust domain that is not an X509-SVID with the granted ID.
    #[error(transparent)]
    NotSvid(#[from] SvidError),
    /// A CSR for a CA certificate without a subject (PKI-2).
    #[error("the CSR for the CA certificate has no subject; name at least one attribute")]
    NoSubject,
    /// A CSR for a CA certificate that Signet itself would refuse.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// A root that cannot be a CA certificate.
    #[error(transparent)]
    Root(#[from] ChainError),
}

impl IssueError {
    /// Returns the reason that status, event, metric and audit record carry.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Expired(_) | Self::NotYetValid(_) => Reason::CaExpired,
            Self::ExpiresTooSoon { .. } | Self::ExpiresFirst { .. } => Reason::CaExpiresTooSoon,
            Self::SignatureMismatch(_) | Self::OutsideChain => Reason::SignatureMismatch,
            Self::Encoding(_)
            | Self::NotSvid(_)
            | Self::NoSubject
            | Self::Csr(_)
            | Self::Root(_) => Reason::SigningUnavailable,
        }
    }
}
