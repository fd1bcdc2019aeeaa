//! What went wrong with a key, by what follows from it.

use std::time::Duration;

/// The class of an error decides about status, event, metric and retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The backend is rate limiting; retry after this long, if given.
    Throttled(Option<Duration>),
    /// The backend did not respond.
    Unreachable,
    /// The backend does not accept the credentials, or they lack a permission.
    CredentialsRefused,
    /// The key exists and cannot sign: it is disabled, or its type or algorithm is not supported.
    KeyUnusable,
    /// The key does not exist.
    KeyNotFound,
    /// The backend returned an invalid response.
    InvalidResponse,
}

impl ErrorClass {
    /// The name that conditions and metrics carry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled(_) => "KeyThrottled",
            Self::Unreachable => "KeyUnreachable",
            Self::CredentialsRefused => "KeyCredentialsRefused",
            Self::KeyUnusable => "KeyUnusable",
            Self::KeyNotFound => "KeyNotFound",
            Self::InvalidResponse => "KeyInvalidResponse",
        }
    }

    /// The pause that the backend requests.
    pub(crate) fn requested_pause(self) -> Duration {
        match self {
            Self::Throttled(Some(pause)) => pause,
            _ => Duration::ZERO,
        }
    }

    /// Whether it passes only with another key, which means another spec.
    pub const fn needs_another_key(self) -> bool {
        matches!(self, Self::KeyUnusable)
    }

    /// Whether it may pass without anyone changing anything.
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Throttled(_) | Self::Unreachable | Self::InvalidResponse
        )
    }
}

/// A key backend's failure, with a message without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct KeyError {
    /// What follows from it.
    pub class: ErrorClass,
    /// Whether an object of the cluster that the key depends on does not exist, or the Role that
    /// allows its use. GitOps tools apply in any order, so it may be created at any time.
    pub is_missing: bool,
    /// The variant of the backend's error; empty for errors of no such list.
    pub code: &'static str,
    /// What is wrong and what to change.
    pub message: String,
    /// The chain of causes, without secrets and cut. It shows what is at an address, so it is for
    /// administrators: the log, and the conditions of ClusterIssuers.
    pub cause: Option<Box<str>>,
    /// The ID by which AWS finds the call. For the log: it is another one for each call.
    pub request_id: Option<Box<str>>,
}

impl KeyError {
    /// An error of a class, with its message.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self {
            class,
            is_missing: false,
            code: "",
            message: message.into(),
            cause: None,
            request_id: None,
        }
    }

    /// The same error, about an object that does not exist.
    #[must_use]
    pub fn missing(self) -> Self {
        Self {
            is_missing: true,
            ..self
        }
    }

    /// The same error with its chain of causes.
    #[must_use]
    pub fn caused_by(self, cause: impl Into<Box<str>>) -> Self {
        let cause = Some(cause.into()).filter(|cause| !cause.is_empty());
        Self { cause, ..self }
    }
}
