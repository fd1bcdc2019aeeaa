//! Patterns of email addresses: `*@example.org`.

use std::fmt;

use super::dns::Label;
use super::{Bindings, PatternError, Variable};

/// A pattern of an email address. The local part is compared with regard to case and the host
/// without; `*` is any local part that needs no quotes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailPattern {
    local: Local,
    host: Vec<Label>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Local {
    Literal(String),
    Variable(Variable),
    Any,
}

impl EmailPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] states what to change.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        let error = PatternError::of("email", pattern);
        let Some((local, host)) = pattern.split_once('@') else {
            return Err(error(
                "has no '@'; write name@host.example or *@host.example",
            ));
        };
        let local = Local::parse(local).map_err(&error)?;
        let host = host.split('.').map(Label::parse);
        let host: Vec<_> = host.collect::<Result<_, _>>().map_err(&error)?;
        if host
            .iter()
            .any(|label| matches!(label, Label::One | Label::Rest))
        {
            return Err(error("has a '*' in its host; write the host out"));
        }
        if pattern.len() > 320 {
            return Err(error("is longer than 320 characters; shorten it"));
        }
        Ok(Self { local, host })
    }

    /// Returns whether an email address matches.
    pub fn matches(&self, mailbox: &str, bindings: &Bindings<'_>) -> bool {
        let Some((local, host)) = mailbox.split_once('@') else {
            return false;
        };
        let is_local = match &self.local {
            Local::Literal(literal) => literal == local,
            Local::Variable(variable) => bindings.get(*variable) == Some(local),
            Local::Any => is_local_part(local),
        };
        let labels = host.split('.');
        is_local
            && labels.clone().count() == self.host.len()
            && (self.host.iter().zip(labels)).all(|(own, label)| own.matches(label, bindings))
    }

    /// Returns whether the local part or a label of the host is this variable.
    pub fn uses(&self, variable: Variable) -> bool {
        self.local == Local::Variable(variable) || self.host.contains(&Label::Variable(variable))
    }

    /// Returns the pattern as text, with the values of the variables that have one.
    pub fn describe(&self, bindings: &Bindings<'_>) -> String {
        let local = match &self.local {
            Local::Literal(literal) => literal,
            Local::Variable(variable) => bindings.get(*variable).unwrap_or(variable.as_str()),
            Local::Any => "*",
        };
        let labels: Vec<_> = self
            .host
            .iter()
            .map(|label| label.describe(bindings))
            .collect();
        format!("{local}@{}", labels.join("."))
    }
}

impl Local {
    fn parse(local: &str) -> Result<Self, &'static str> {
        match local {
            "*" => Ok(Self::Any),
            _ if local.contains('*') => Err(
                "has a '*' within the name before '@'; a wildcard is the whole name, as in \
                 *@example.org",
            ),
            _ if local.contains(['{', '}']) => Variable::read(local).map(Self::Variable).ok_or(
                "has an unknown variable; the whole name before '@' may be {namespace}, \
                 {serviceAccount} or {certificate}",
            ),
            _ if is_local_part(local) => Ok(Self::Literal(local.to_owned())),
            _ => Err(
                "has a name before '@' that is empty or has a character that needs quotes; \
                 replace it",
            ),
        }
    }
}

/// A Dot-string of RFC 5321 4.1.2, without the characters that patterns use.
fn is_local_part(local: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'+-/=?^_`|~".contains(&byte);
    (local.split('.')).all(|atom| !atom.is_empty() && atom.bytes().all(allowed))
}

impl fmt::Display for EmailPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe(&Bindings::default()))
    }
}
