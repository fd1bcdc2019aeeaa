//! The one closed list of reasons that status, event, metric and audit record share, and a
//! reason with its message.

use std::fmt;

use crate::request::ServiceAccount;

/// Why a request waits, was denied or was issued.
///
/// The list is closed: a metric label or an alert rule may rely on it. The names are what users
/// read as the `reason` of a condition or an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The certificate was signed and written.
    Issued,
    /// An approver denied the request (CM-3).
    Denied,
    /// No approver has approved or denied the request for a while (CM-4).
    NotApproved,
    /// The issuer that the request names does not exist (CM-5).
    IssuerNotFound,
    /// The issuer exists but cannot sign now.
    IssuerNotReady,
    /// The CA certificate has expired or is not valid yet.
    CaExpired,
    /// The CA certificate, or one above it, expires too soon for the requested lifetime.
    CaExpiresTooSoon,
    /// The key backend did not sign: it is throttling, unreachable, or returned an error.
    SigningUnavailable,
    /// The signature does not verify under the CA's public key.
    SignatureMismatch,
    /// The CSR is not strict PKCS#10.
    InvalidCsr,
    /// The CSR's self-signature does not prove possession of the key.
    InvalidSignature,
    /// A key or signature algorithm that Signet does not certify.
    UnsupportedKey,
    /// A key or hash too weak to be certified.
    WeakKey,
    /// An extension or attribute in the CSR that Signet does not know.
    UnsupportedExtension,
    /// A subject or subjectAltName that is malformed or missing, or that the CA's name constraints do
    /// not allow.
    InvalidName,
    /// A usage that is unknown, that contradicts the CSR or the kind of certificate, or that the CA
    /// does not allow below it.
    InvalidUsages,
    /// The lifetime cannot be granted.
    InvalidDuration,
    /// The certificate is longer than the CA's key can sign.
    CertificateTooLong,
    /// A CA certificate was requested, and the profile does not allow it.
    CaNotAllowed,
    /// A path length beyond what the CA or the profile allows (PKI-7).
    PathLengthExceeded,
    /// The requester is not allowed the requested SPIFFE ID.
    IdentityNotAllowed,
    /// No rule of the issuer is for the requester.
    RequesterNotAllowed,
    /// The requester is not allowed a requested name besides the SPIFFE ID.
    NameNotAllowed,
    /// What the rules of the issuer need to know about namespaces or other issuers has not been
    /// observed yet.
    PolicyNotReady,
    /// The requester of a CertificateSigningRequest may not use this namespaced issuer.
    DeniedReference,
    /// The pod that a PodCertificateRequest names does not exist, does not match the request, or does
    /// not mount such a certificate.
    PodNotAllowed,
    /// A key in the `unverifiedUserAnnotations` of a PodCertificateRequest that Signet does not know.
    InvalidUnverifiedUserAnnotations,
    /// No certificate under the issuer's profile can be returned through the API of the request, or
    /// the API server rejected it.
    UnsupportedByApi,
}

impl Reason {
    /// Every reason, in the order of the list.
    pub const ALL: [Self; 28] = [
        Self::Issued,
        Self::Denied,
        Self::NotApproved,
        Self::IssuerNotFound,
        Self::IssuerNotReady,
        Self::CaExpired,
        Self::CaExpiresTooSoon,
        Self::SigningUnavailable,
        Self::SignatureMismatch,
        Self::InvalidCsr,
        Self::InvalidSignature,
        Self::UnsupportedKey,
        Self::WeakKey,
        Self::UnsupportedExtension,
        Self::InvalidName,
        Self::InvalidUsages,
        Self::InvalidDuration,
        Self::CertificateTooLong,
        Self::CaNotAllowed,
        Self::PathLengthExceeded,
        Self::IdentityNotAllowed,
        Self::RequesterNotAllowed,
        Self::NameNotAllowed,
        Self::PolicyNotReady,
        Self::DeniedReference,
        Self::PodNotAllowed,
        Self::InvalidUnverifiedUserAnnotations,
        Self::UnsupportedByApi,
    ];

    /// Returns the reason's name in UpperCamelCase, as conditions, events and metrics carry it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "Issued",
            Self::Denied => "Denied",
            Self::NotApproved => "NotApproved",
            Self::IssuerNotFound => "IssuerNotFound",
            Self::IssuerNotReady => "IssuerNotReady",
            Self::CaExpired => "CaExpired",
            Self::CaExpiresTooSoon => "CaExpiresTooSoon",
            Self::SigningUnavailable => "SigningUnavailable",
            Self::SignatureMismatch => "SignatureMismatch",
            Self::InvalidCsr => "InvalidCsr",
            Self::InvalidSignature => "InvalidSignature",
            Self::UnsupportedKey => "UnsupportedKey",
            Self::WeakKey => "WeakKey",
            Self::UnsupportedExtension => "UnsupportedExtension",
            Self::InvalidName => "InvalidName",
            Self::InvalidUsages => "InvalidUsages",
            Self::InvalidDuration => "InvalidDuration",
            Self::CertificateTooLong => "CertificateTooLong",
            Self::CaNotAllowed => "CaNotAllowed",
            Self::PathLengthExceeded => "PathLengthExceeded",
            Self::IdentityNotAllowed => "IdentityNotAllowed",
            Self::RequesterNotAllowed => "RequesterNotAllowed",
            Self::NameNotAllowed => "NameNotAllowed",
            Self::PolicyNotReady => "PolicyNotReady",
            Self::DeniedReference => "DeniedReference",
            Self::PodNotAllowed => "PodNotAllowed",
            Self::InvalidUnverifiedUserAnnotations => "InvalidUnverifiedUserAnnotations",
            Self::UnsupportedByApi => "UnsupportedByApi",
        }
    }

    /// Denies a request for this reason.
    pub fn denial(self, message: impl Into<String>) -> Denial {
        Denial {
            reason: self,
            message: message.into(),
            rule: None,
            workload: None,
        }
    }
}

/// Why a request waits, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The reason out of the closed list.
    pub reason: Reason,
    /// The message for the status.
    pub message: String,
}

/// Why a request can never succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The reason out of the closed list.
    pub reason: Reason,
    /// The message for the status: what is wrong and what to change.
    pub message: String,
    /// The closest of the requester's rules, if it has one.
    pub rule: Option<String>,
    /// The workload whose users get an event, because the agent that requested for it shows them no
    /// refusal.
    pub workload: Option<ServiceAccount>,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
