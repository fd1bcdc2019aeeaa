//! Why an issuer is ready or not.

use jiff::Timestamp;
use signet_keys::{ErrorClass, KeyError};

use crate::mesh::MeshReason;

/// The closed list of reasons of an issuer's conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IssuerReason {
    /// The issuer can sign.
    Ready,
    /// The CA is being prepared.
    Progressing,
    /// A person has to get the CSR in the status signed.
    WaitingForCertificate,
    /// The CA above has not answered yet.
    WaitingForParent,
    /// The CA above refused the request.
    ParentRefused,
    /// The CA above does not respond, or is rate limiting requests.
    ParentUnavailable,
    /// The CA above does not accept the login, or a permission is missing.
    ParentDenied,
    /// The CA above does not exist.
    ParentNotFound,
    /// The spec is inconsistent or cannot be read.
    InvalidSpec,
    /// The CA certificate cannot issue.
    InvalidCa,
    /// The parent's root is neither listed nor pinned.
    RootNotTrusted,
    /// The object that lists trusted roots does not exist or cannot be read.
    TrustedRootsUnavailable,
    /// The CA certificate has expired.
    CaExpired,
    /// The CA certificate is not valid yet.
    CaNotYetValid,
    /// `spec.suspend` is set.
    Suspended,
    /// The issuer's CA is of another trust domain.
    TrustDomainChanged,
    /// There was a CA, and it is not to be found.
    CaLost,
    /// The spec does not allow to create a CA.
    CreationForbidden,
    /// `spec.rotation.revoked` lists the key.
    KeyRevoked,
    /// The key is not the CA certificate's.
    KeyMismatch,
    /// A signature does not verify under the CA's public key.
    SignatureMismatch,
    Key(ErrorClass),
    /// The mesh does not have the CA yet.
    Mesh(MeshReason),
}

impl IssuerReason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Progressing => "Progressing",
            Self::WaitingForCertificate => "WaitingForCertificate",
            Self::WaitingForParent => "WaitingForParent",
            Self::ParentRefused => "ParentRefused",
            Self::ParentUnavailable => "ParentUnavailable",
            Self::ParentDenied => "ParentDenied",
            Self::ParentNotFound => "ParentNotFound",
            Self::InvalidSpec => "InvalidSpec",
            Self::InvalidCa => "InvalidCa",
            Self::RootNotTrusted => "RootNotTrusted",
            Self::TrustedRootsUnavailable => "TrustedRootsUnavailable",
            Self::CaExpired => "CaExpired",
            Self::CaNotYetValid => "CaNotYetValid",
            Self::Suspended => "Suspended",
            Self::TrustDomainChanged => "TrustDomainChanged",
            Self::CaLost => "CaLost",
            Self::CreationForbidden => "CreationForbidden",
            Self::KeyRevoked => "KeyRevoked",
            Self::KeyMismatch => "KeyMismatch",
            Self::SignatureMismatch => "SignatureMismatch",
            Self::Key(class) => class.as_str(),
            Self::Mesh(reason) => reason.as_str(),
        }
    }

    /// Whether the CA above did not sign.
    pub(super) const fn is_of_parent(self) -> bool {
        matches!(
            self,
            Self::ParentUnavailable
                | Self::ParentDenied
                | Self::ParentNotFound
                | Self::Mesh(MeshReason::UnfitCa)
        )
    }

    /// Returns that an issuer cannot sign until its spec changes, or a lost CA is restored.
    pub(super) fn stalls(self, message: impl Into<String>) -> NotReady {
        NotReady {
            stalled: true,
            ..self.waits(message)
        }
    }

    /// Returns that an issuer cannot sign until an object exists that the spec names.
    pub(super) fn waits_for_object(self, message: impl Into<String>) -> NotReady {
        NotReady {
            is_missing: true,
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
            is_missing: false,
            retry_at: None,
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
    /// Whether only a change of the spec helps, or a person who restores a lost CA.
    pub(super) stalled: bool,
    /// Whether an object that the spec names does not exist yet. It is read again within seconds.
    pub(super) is_missing: bool,
    /// When it passes, if only time has to.
    pub(super) retry_at: Option<Timestamp>,
}

impl NotReady {
    /// Whether the key is unavailable and may recover without a change.
    pub(super) const fn is_key_unavailable(&self) -> bool {
        matches!(self.reason, IssuerReason::Key(class) if class.is_transient())
    }

    /// The same, about a CA that is lost: a person has to restore it.
    pub(super) fn lost(self) -> Self {
        Self {
            stalled: true,
            ..self
        }
    }

    pub(super) fn from_key(error: &KeyError) -> Self {
        Self {
            reason: IssuerReason::Key(error.class),
            message: match error.class.is_transient() {
                true => format!("{}; Signet tries again by itself", error.message),
                false => error.message.clone(),
            },
            cause: error.cause.as_deref().map(str::to_owned),
            stalled: error.class.needs_another_key() && !error.is_missing,
            is_missing: error.is_missing,
            retry_at: None,
        }
    }
}
