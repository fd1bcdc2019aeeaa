//! What can be wrong with a name.

use thiserror::Error;

use super::MAX_NAMES;

/// Why names were refused, and what to change. No message repeats more than a line of the input.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NamesError {
    /// Not DER, or not of the expected type.
    #[error("the {what} is not strict DER ({source}); encode it as RFC 5280 requires")]
    Malformed {
        /// Which name or part of it.
        what: &'static str,
        /// Where the reader stopped.
        source: der::Error,
    },
    /// GeneralNames is SIZE (1..MAX).
    #[error("the subjectAltName is empty; add a name or remove the extension")]
    Empty,
    /// More names than verifiers should have to compare.
    #[error(
        "the subjectAltName holds {0} names, more than the maximum of {MAX_NAMES}; split them over several certificates"
    )]
    TooMany(usize),
    /// A text that breaks the rules of its kind.
    #[error("the {kind} {shown} {fault}")]
    Text {
        /// The kind of name.
        kind: &'static str,
        /// The name, escaped and cut.
        shown: String,
        /// What is wrong and what to change.
        fault: &'static str,
    },
    /// An iPAddress of another size.
    #[error(
        "an IP address in the subjectAltName has {0} bytes; it is 4 bytes for IPv4 and 16 for IPv6, without a mask"
    )]
    IpLength(usize),
    /// A kind of name that is not in use.
    #[error("the subjectAltName holds a name of the kind {0}, which is not certified; remove it")]
    UnsupportedKind(String),
    /// A value in a distinguished name that its string type does not allow.
    #[error("the value of attribute {attribute} in a distinguished name {fault}")]
    Attribute {
        /// The object identifier of the attribute, with its name.
        attribute: String,
        /// What is wrong and what to change.
        fault: &'static str,
    },
}

impl NamesError {
    /// For `map_err`: what is not DER.
    pub(crate) fn malformed(what: &'static str) -> impl FnOnce(der::Error) -> Self {
        move |source| Self::Malformed { what, source }
    }
}
