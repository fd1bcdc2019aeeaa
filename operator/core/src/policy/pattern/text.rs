//! Patterns of the values of subject attributes.

use std::fmt;

use super::{Bindings, PatternError, Variable};

/// A pattern of one value: an exact text, which may be empty, any text (`*`), or a variable.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TextPattern {
    /// Exactly this text.
    Exact(String),
    /// `*`: any text that is not empty and has no `*`.
    Any,
    /// The value of a variable.
    Variable(Variable),
}

impl TextPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] states what to change.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        let error = PatternError::of("text", pattern);
        match pattern {
            "*" => Ok(Self::Any),
            _ if pattern.contains('*') => Err(error(
                "has a '*' within the text; a wildcard is the whole value",
            )),
            _ if pattern.contains(['{', '}']) => {
                Variable::read(pattern).map(Self::Variable).ok_or_else(|| {
                    error(
                        "has an unknown variable; the whole value may be {namespace}, \
                         {serviceAccount} or {certificate}",
                    )
                })
            }
            _ if pattern.chars().any(char::is_control) => {
                Err(error("has a control character; remove it"))
            }
            _ if pattern.len() > 256 => Err(error("is longer than 256 bytes; shorten it")),
            _ => Ok(Self::Exact(pattern.to_owned())),
        }
    }

    /// Returns whether a value matches.
    pub fn matches(&self, value: &str, bindings: &Bindings<'_>) -> bool {
        match self {
            Self::Exact(exact) => exact == value,
            Self::Any => !value.is_empty() && !value.contains('*'),
            Self::Variable(variable) => bindings.get(*variable) == Some(value),
        }
    }

    /// Returns whether the value is that of this variable.
    pub fn uses(&self, variable: Variable) -> bool {
        *self == Self::Variable(variable)
    }

    /// Returns whether only the empty value matches, as agents of Istio put it into their CSRs.
    pub fn names_nothing(&self) -> bool {
        matches!(self, Self::Exact(exact) if exact.is_empty())
    }

    /// Returns the pattern as text, with the value of the variable if it has one.
    pub fn describe(&self, bindings: &Bindings<'_>) -> String {
        match self {
            Self::Exact(exact) => exact.clone(),
            Self::Any => "*".to_owned(),
            Self::Variable(variable) => {
                let value = bindings.get(*variable);
                value.unwrap_or(variable.as_str()).to_owned()
            }
        }
    }
}

impl fmt::Display for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe(&Bindings::default()))
    }
}
