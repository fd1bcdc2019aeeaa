//! The applicant: a ServiceAccount for itself, or a Certificate.

use std::fmt;

use super::Rules;
use crate::request::{NotServiceAccount, Request, ServiceAccount};

/// For whom a certificate is requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Applicant<'a> {
    /// A ServiceAccount, for itself.
    ServiceAccount(ServiceAccount),
    /// A cert-manager Certificate, which cert-manager's controller makes requests for.
    Certificate {
        /// The Certificate's namespace.
        namespace: &'a str,
        /// The Certificate's name.
        name: &'a str,
    },
}

/// Why a request has no applicant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoApplicant {
    /// The requester is neither a ServiceAccount nor cert-manager.
    #[error(transparent)]
    NotServiceAccount(#[from] NotServiceAccount),
    /// cert-manager's account requests certificates only for Certificates.
    #[error("cert-manager made this request for something other than a Certificate")]
    NotForCertificate,
}

impl<'a> Applicant<'a> {
    /// Identifies the applicant by what the API server recorded in the request and, for
    /// cert-manager, by the controlling owner.
    pub(super) fn of(request: &'a Request, rules: &Rules) -> Result<Self, NoApplicant> {
        let account = request.raw.requester.service_account()?;
        if account != rules.cert_manager {
            return Ok(Self::ServiceAccount(account));
        }
        match (&request.raw.namespace, &request.raw.certificate) {
            (Some(namespace), Some(name)) => Ok(Self::Certificate { namespace, name }),
            _ => Err(NoApplicant::NotForCertificate),
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
        match self {
            Self::ServiceAccount(ServiceAccount { namespace, name }) => {
                write!(f, "the ServiceAccount {namespace}/{name}")
            }
            Self::Certificate { namespace, name } => {
                write!(f, "the Certificate {namespace}/{name}")
            }
        }
    }
}
