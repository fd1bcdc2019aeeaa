//! What the operator and the process of a module send to each other: requests to it, reports from
//! it. Types and their encoding; what a report may say is judged where it is read.

mod bytes;
mod frame;
pub(super) mod function;
pub(super) mod secret;
#[cfg(test)]
mod tests;
pub(super) mod value;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use frame::{MAX_REPORT, MAX_REQUEST, read, write};

use super::error::Pkcs11Fault;
use super::key_name::KeyName;
use super::pin::Pin;

/// To the process.
#[derive(Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub(super) enum Request {
    /// The library, and what is known of logins to its tokens. The first request.
    Begin {
        path: PathBuf,
        logins: Vec<LoginRecord>,
    },
    /// Does this in the session of this number. The report has the call's number.
    Call {
        number: u64,
        session: u64,
        task: Task,
    },
}

/// What is done in a session, which is opened if it is not open.
#[derive(Serialize, Deserialize)]
pub(super) enum Task {
    /// Logs in and finds a key, which need not be the one that this session signs with.
    Find {
        token: Token,
        name: KeyName,
        pin: Pin,
    },
    /// Checks that the key is still found by its name; if `reopens`, in a new session.
    Check {
        token: Token,
        key: NamedKey,
        reopens: bool,
    },
    /// Signs with this key, and no other.
    Sign {
        token: Token,
        key: NamedKey,
        mechanism: Mechanism,
        #[serde(with = "bytes")]
        input: Vec<u8>,
    },
    /// Closes the session.
    Close,
}

impl Task {
    /// The token that it is for; none for the end of a session.
    pub(super) fn token(&self) -> Option<&Token> {
        match self {
            Self::Find { token, .. } | Self::Check { token, .. } | Self::Sign { token, .. } => {
                Some(token)
            }
            Self::Close => None,
        }
    }

    /// The token that it is for, and the PIN that it brings.
    pub(super) fn pin_mut(&mut self) -> Option<(&Token, &mut Pin)> {
        match self {
            Self::Find { token, pin, .. } => Some((token, pin)),
            Self::Check { token, key, .. } | Self::Sign { token, key, .. } => {
                Some((token, &mut key.pin))
            }
            Self::Close => None,
        }
    }
}

/// A token in the operator's list. It has this label and this serial number, where both are given.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Token {
    pub(super) name: String,
    pub(super) label: Option<String>,
    pub(super) serial: Option<String>,
}

/// A key that an issuer is connected to.
#[derive(Serialize, Deserialize)]
pub(super) struct NamedKey {
    pub(super) name: KeyName,
    #[serde(with = "bytes")]
    pub(super) spki: Vec<u8>,
    /// The PIN that was read when the key was connected.
    pub(super) pin: Pin,
}

/// A mechanism that signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Mechanism {
    Ecdsa,
    RsaPkcs,
    Eddsa,
}

/// From the process.
#[derive(Serialize, Deserialize)]
pub(super) enum Report {
    /// The result of the call with this number.
    Done {
        number: u64,
        result: Result<Outcome, Pkcs11Fault>,
    },
    /// A login begins or has ended, with the PIN that was sent with this number.
    Login {
        id: TokenId,
        pin: u64,
        step: LoginStep,
    },
    /// For the operator's log, and not for tenants.
    Warning(String),
}

/// The result of a task.
#[derive(Serialize, Deserialize)]
pub(super) enum Outcome {
    /// The SubjectPublicKeyInfo of the key that was found.
    Found(#[serde(with = "bytes")] Vec<u8>),
    /// As the mechanism returns it.
    Signature(#[serde(with = "bytes")] Vec<u8>),
    /// The key is the same, or the session is closed.
    Done,
}

/// What a token is, in whatever slot and by whatever name it is found: its manufacturer, model,
/// serial number and label.
pub(super) type TokenId = [String; 4];

/// What is known of the login to a token.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct LoginRecord {
    pub(super) id: TokenId,
    /// The token of the operator's list that logs in.
    pub(super) entry: String,
    /// The PIN that was tried last.
    pub(super) pin: Pin,
    pub(super) verdict: Verdict,
}

/// What is known of a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Verdict {
    /// Nothing that speaks against it.
    Usable,
    /// It is wrong.
    Refused,
    /// The process ended in the last try, or in several. The next one is after this time.
    Unfinished(Duration),
}

/// How far a try of a PIN is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum LoginStep {
    Begins,
    Accepted,
    Refused,
    /// It failed for a reason that says nothing about the PIN.
    Failed,
}
