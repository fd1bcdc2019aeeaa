//! Why an issuer is ready or not.

use signet_keys::{ErrorClass, KeyError};

/// The closed list of reasons of an issuer's conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IssuerReason {
    /// The issuer can sign.
    Ready,
    /// The CA is being prepared.
    Progressing,
    /// A person has to get the CSR in the status signed.
    WaitingForCertificate,
    /// The spec is inconsistent or cannot be read.
    InvalidSpec,
    /// The CA certificate cannot issue.
    InvalidCa,
    /// The CA certificate has expired.
    CaExpired,
    /// The CA certificate is not valid yet.
    CaNotYetValid,
    /// `spec.suspend` is set.
    Suspended,
    /// The issuer's CA is of another trust domain.
    TrustDomainChanged,
    /// `spec.rotation.revoked` lists the key.
    KeyRevoked,
    /// The key is not the CA certificate's.
    KeyMismatch,
    /// A signature does not verify under the CA's public key.
    SignatureMismatch,
    Key(ErrorClass),
}

impl IssuerReason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Progressing => "Progressing",
            Self::WaitingForCertificate => "WaitingForCertificate",
            Self::InvalidSpec => "InvalidSpec",
            Self::InvalidCa => "InvalidCa",
            Self::CaExpired => "CaExpired",
            Self::CaNotYetValid => "CaNotYetValid",
            Self::Suspended => "Suspended",
            Self::TrustDomainChanged => "TrustDomainChanged",
            Self::KeyRevoked => "KeyRevoked",
            Self::KeyMismatch => "KeyMismatch",
            Self::SignatureMismatch => "SignatureMismatch",
            Self::Key(class) => class.as_str(),
        }
    }

    /// Returns that an issuer cannot sign until a user changes something.
    pub(super) fn stalls(self, message: impl Into<String>) -> NotReady {
        NotReady {
            stalled: true,
            ..self.waits(message)
        }
    }

    /// Returns that an issuer cannot sign, which may pass.
    pub(super) fn waits(self, message: impl Into<String>) -> NotReady {
        NotReady {
            reason: self,
            message: message.into(),
            cause: None,
            stalled: false,
        }
    }
}

/// An issuer that cannot sign now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotReady {
    pub(super) reason: IssuerReason,
    /// What is wrong and what to change.
    pub(super) message: String,
    /// The cause, which only administrators see.
    pub(super) cause: Option<String>,
    /// Whether a user has to change something; otherwise it may pass.
    pub(super) stalled: bool,
}

impl NotReady {
    /// Whether the key is unavailable and may recover without a change.
    pub(super) const fn is_key_unavailable(&self) -> bool {
        matches!(self.reason, IssuerReason::Key(class) if class.is_transient())
    }

    pub(super) fn from_key(error: &KeyError) -> Self {
        Self {
            reason: IssuerReason::Key(error.class),
            message: match error.class.is_transient() {
                true => format!("{}; Signet tries again by itself", error.message),
                false => error.message.clone(),
            },
            cause: error.cause.as_deref().map(str::to_owned),
            stalled: !error.class.is_transient(),
        }
    }
}
