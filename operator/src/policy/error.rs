//! Why a rule cannot be read.

use std::fmt::Display;

/// What is wrong with a rule of a spec, and what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("spec.policy.rules, rule {rule}: {field} {fault}")]
pub struct RuleError {
    /// The name of the rule.
    pub rule: String,
    /// The field of the rule.
    pub field: String,
    /// What is wrong and what to change.
    pub fault: String,
}

/// The same, before it is known which rule it is about.
#[derive(Debug)]
pub(super) struct Fault {
    field: String,
    fault: String,
}

impl Fault {
    pub(super) fn new(field: &str, fault: impl Display) -> Self {
        Self {
            field: field.to_owned(),
            fault: fault.to_string(),
        }
    }

    /// For `map_err`, where the error starts with what it is about.
    pub(super) fn at<E: Display>(field: &str) -> impl Fn(E) -> Self {
        move |error| Self {
            field: format!("{field}:"),
            fault: error.to_string(),
        }
    }

    pub(super) fn of(self, rule: &str) -> RuleError {
        RuleError {
            rule: rule.to_owned(),
            field: self.field,
            fault: self.fault,
        }
    }
}
