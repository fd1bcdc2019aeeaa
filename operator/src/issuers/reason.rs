//! Why an issuer is, or is not, ready.

use signet_keys::{ErrorClass, KeyError};

/// The closed list of reasons of an issuer's conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IssuerReason {
    /// It can sign.
    Ready,
    /// Two writers are at work on the CA.
    Progressing,
    /// The spec contradicts itself or cannot be read.
    InvalidSpec,
    /// The CA certificate cannot issue.
    InvalidCa,
    /// The CA certificate has ended.
    CaExpired,
    /// The CA certificate has not begun.
    CaNotYetValid,
    /// `spec.key` is not the key of the valid CA.
    KeyChanged,
    /// The key is not that of the CA certificate.
    KeyMismatch,
    /// A signature does not verify under the CA's public key.
    SignatureMismatch,
    /// The key's backend says why.
    Key(ErrorClass),
}

impl IssuerReason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Progressing => "Progressing",
            Self::InvalidSpec => "InvalidSpec",
            Self::InvalidCa => "InvalidCa",
            Self::CaExpired => "CaExpired",
            Self::CaNotYetValid => "CaNotYetValid",
            Self::KeyChanged => "KeyChanged",
            Self::KeyMismatch => "KeyMismatch",
            Self::SignatureMismatch => "SignatureMismatch",
            Self::Key(class) => class.as_str(),
        }
    }
}

/// An issuer that cannot sign now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotReady {
    pub(super) reason: IssuerReason,
    /// What is wrong and what to change.
    pub(super) message: String,
    /// Why, for administrators: requesters and tenants do not see it.
    pub(super) cause: Option<String>,
    /// Whether somebody has to change something; otherwise it may pass.
    pub(super) stalled: bool,
}

impl NotReady {
    /// Somebody has to change something.
    pub(super) fn stalls(reason: IssuerReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            cause: None,
            stalled: true,
        }
    }

    /// It may pass.
    pub(super) fn waits(reason: IssuerReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            cause: None,
            stalled: false,
        }
    }

    /// Whether the key's backend may come back by itself.
    pub(super) const fn is_away(&self) -> bool {
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
