//! The applicant: a ServiceAccount for itself, or a Certificate.

use std::fmt;

use super::Rules;
use crate::quote;
use crate::request::{Request, ServiceAccount};

/// For whom a certificate is requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Applicant<'a> {
    /// A ServiceAccount, for itself.
    ServiceAccount(ServiceAccount),
    /// A cert-manager Certificate, which cert-manager's controller makes requests for.
    Certificate { namespace: &'a str, name: &'a str },
}

impl<'a> Applicant<'a> {
    /// Identifies the applicant by what the API server recorded in the request and, for
    /// cert-manager, by the controlling owner.
    ///
    /// # Errors
    /// The requester is neither a ServiceAccount nor cert-manager for a Certificate.
    pub(super) fn of(request: &'a Request, rules: &Rules) -> Result<Self, String> {
        let requester = &request.raw.requester;
        let account = requester
            .service_account()
            .map_err(|error| format!("{} {error}", quote::text(&requester.username)))?;
        if account != rules.cert_manager {
            return Ok(Self::ServiceAccount(account));
        }
        match (&request.raw.namespace, &request.raw.certificate) {
            (Some(namespace), Some(name)) => Ok(Self::Certificate { namespace, name }),
            _ => Err(
                "cert-manager made this request for something other than a Certificate".to_owned(),
            ),
        }
    }

    pub(super) fn namespace(&self) -> &str {
        match self {
            Self::ServiceAccount(account) => &account.namespace,
            Self::Certificate { namespace, .. } => namespace,
        }
    }
}

impl fmt::Display for Applicant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = match self {
            Self::ServiceAccount(account) => ("ServiceAccount", account.name.as_str()),
            Self::Certificate { name, .. } => ("Certificate", *name),
        };
        write!(f, "the {kind} {}/{name}", self.namespace())
    }
}
