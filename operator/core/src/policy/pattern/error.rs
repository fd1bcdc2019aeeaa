//! What is wrong with a pattern.

use crate::quote;

/// Why a pattern cannot be read, and what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {kind} pattern {shown} {fault}")]
pub struct PatternError {
    /// The kind of pattern.
    pub kind: &'static str,
    /// The pattern, quoted and cut.
    pub shown: String,
    /// What is wrong and what to change.
    pub fault: &'static str,
}

impl PatternError {
    /// For `map_err` of a check that returns the fault.
    pub(super) fn of(kind: &'static str, pattern: &str) -> impl Fn(&'static str) -> Self {
        move |fault| Self {
            kind,
            shown: quote::text(pattern),
            fault,
        }
    }
}
