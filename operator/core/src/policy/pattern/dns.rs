//! Patterns of DNS names: `*.{namespace}.svc.cluster.local`.

use std::fmt;

use super::{Bindings, PatternError, Variable};
use crate::x509::names::syntax;

/// A pattern of a DNS name, in whole labels and without regard to case.
///
/// `*` is exactly one label, and `**`, only as the first label, one or more. Neither matches the
/// `*` of a wildcard name, unless [`Self::matches`] is asked to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnsPattern(Vec<Label>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Label {
    /// In lower case.
    Literal(String),
    Variable(Variable),
    /// `*`
    One,
    /// `**`
    Rest,
}

/// How a DNS name begins that stands for others (RFC 6125 6.4.3).
const WILDCARD: &str = "*";

impl DnsPattern {
    /// Reads a pattern. Letters are kept in lower case.
    ///
    /// # Errors
    /// [`PatternError`] states what to change.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        let error = PatternError::of("DNS", pattern);
        let labels = pattern.split('.').map(Label::parse);
        let labels: Vec<_> = labels.collect::<Result<_, _>>().map_err(&error)?;
        if labels.iter().skip(1).any(|label| *label == Label::Rest) {
            return Err(error(
                "has '**' after its start; write it only as the first label",
            ));
        }
        let literal = |label: &Label| matches!(label, Label::Literal(_));
        let fault = match labels.iter().all(literal) {
            true => syntax::dns_fault(pattern),
            false => (pattern.len() > 253).then_some("is longer than 253 characters; shorten it"),
        };
        fault.map_or(Ok(Self(labels)), |fault| Err(error(fault)))
    }

    /// Returns whether a DNS name matches; `wildcards` is whether it may be a wildcard, whose `*` is
    /// then matched by `*` or `**`.
    pub fn matches(&self, name: &str, bindings: &Bindings<'_>, wildcards: bool) -> bool {
        if syntax::dns_fault(name).is_some() || (!wildcards && name.starts_with(WILDCARD)) {
            return false;
        }
        // From the end, so that `**` is what remains.
        let mut name = name.rsplit('.');
        for label in self.0.iter().rev() {
            let Some(own) = name.next() else {
                return false;
            };
            match label {
                Label::Rest => return true,
                label if label.matches(own, bindings) => {}
                _ => return false,
            }
        }
        name.next().is_none()
    }

    /// Returns whether a label is this variable.
    pub fn uses(&self, variable: Variable) -> bool {
        self.0.contains(&Label::Variable(variable))
    }

    /// Returns the pattern as text, with the values of the variables that have one.
    pub fn describe(&self, bindings: &Bindings<'_>) -> String {
        let labels: Vec<_> = self
            .0
            .iter()
            .map(|label| label.describe(bindings))
            .collect();
        labels.join(".")
    }
}

impl Label {
    pub(super) fn parse(label: &str) -> Result<Self, &'static str> {
        match label {
            "*" => Ok(Self::One),
            "**" => Ok(Self::Rest),
            _ if label.contains('*') => {
                Err("has a '*' within a label; a wildcard is a whole label, as in *.example.org")
            }
            _ if label.contains(['{', '}']) => Variable::read(label).map(Self::Variable).ok_or(
                "has an unknown variable; a whole label may be {namespace}, {serviceAccount} or \
                 {certificate}",
            ),
            _ => match syntax::host_fault(label) {
                Some(fault) => Err(fault),
                None => Ok(Self::Literal(label.to_ascii_lowercase())),
            },
        }
    }

    /// Returns whether one label of a name matches.
    pub(super) fn matches(&self, label: &str, bindings: &Bindings<'_>) -> bool {
        match self {
            Self::Literal(literal) => literal.eq_ignore_ascii_case(label),
            Self::Variable(variable) => bindings
                .get(*variable)
                .is_some_and(|value| value.eq_ignore_ascii_case(label)),
            Self::One | Self::Rest => !label.is_empty(),
        }
    }

    pub(super) fn describe<'a>(&'a self, bindings: &Bindings<'a>) -> &'a str {
        match self {
            Self::Literal(literal) => literal,
            Self::Variable(variable) => bindings.get(*variable).unwrap_or(variable.as_str()),
            Self::One => "*",
            Self::Rest => "**",
        }
    }
}

impl fmt::Display for DnsPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe(&Bindings::default()))
    }
}
