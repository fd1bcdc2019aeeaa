//! Variables of patterns.

use std::fmt;

/// A variable of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Variable {
    /// `{namespace}`.
    Namespace,
    /// `{serviceAccount}`.
    ServiceAccount,
    /// `{certificate}`.
    Certificate,
}

impl Variable {
    /// Every variable.
    pub const ALL: [Self; 3] = [Self::Namespace, Self::ServiceAccount, Self::Certificate];

    /// Returns the variable as patterns have it, such as `{namespace}`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Namespace => "{namespace}",
            Self::ServiceAccount => "{serviceAccount}",
            Self::Certificate => "{certificate}",
        }
    }

    /// Reads a part of a pattern that is a variable.
    pub(super) fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.as_str() == text)
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The values of the variables for one request. A variable without a value matches nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bindings<'a> {
    /// The namespace of the ServiceAccount, Certificate or pod; for a delegate, that of the
    /// requested SPIFFE ID.
    pub namespace: Option<&'a str>,
    /// The name of the ServiceAccount.
    pub service_account: Option<&'a str>,
    /// The name of the Certificate.
    pub certificate: Option<&'a str>,
}

impl<'a> Bindings<'a> {
    /// Returns the value of a variable; none if it is unknown.
    pub fn get(&self, variable: Variable) -> Option<&'a str> {
        let value = match variable {
            Variable::Namespace => self.namespace,
            Variable::ServiceAccount => self.service_account,
            Variable::Certificate => self.certificate,
        };
        value.filter(|value| !value.is_empty())
    }
}
