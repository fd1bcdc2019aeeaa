//! The applicant: a ServiceAccount, a pod, or a Certificate.

use std::fmt;

use super::IssuerPolicy;
use crate::quote;
use crate::request::{Pod, Request, ServiceAccount};

/// Who requests: the ServiceAccount whose token made the request, or the pod or Certificate for which
/// a kubelet or cert-manager made it. Of an agent that requests for others, the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Applicant<'a> {
    /// A ServiceAccount, with its token.
    ServiceAccount(ServiceAccount),
    /// A pod, which the kubelet of its node makes requests for (PCR-6).
    Pod(&'a Pod),
    /// A cert-manager Certificate, which cert-manager's controller makes requests for.
    Certificate { namespace: &'a str, name: &'a str },
}

impl<'a> Applicant<'a> {
    /// Identifies the applicant by what the API server recorded in the request and, for
    /// cert-manager, by the controlling owner.
    ///
    /// # Errors
    /// The requester is neither a ServiceAccount nor cert-manager for a Certificate.
    pub(super) fn of(request: &'a Request, policy: &IssuerPolicy) -> Result<Self, String> {
        if let Some(pod) = &request.raw.pod {
            return Ok(Self::Pod(pod));
        }
        let requester = &request.raw.requester;
        let account = requester
            .service_account()
            .map_err(|error| format!("{} {error}", quote::text(&requester.username)))?;
        if account != policy.cert_manager {
            return Ok(Self::ServiceAccount(account));
        }
        match (&request.raw.namespace, &request.raw.certificate) {
            (Some(namespace), Some(name)) => Ok(Self::Certificate { namespace, name }),
            _ => Err(
                "cert-manager made this request for something other than a Certificate".to_owned(),
            ),
        }
    }

    /// Returns the path of the SPIFFE ID that names the applicant.
    pub(super) fn own_segments(&self) -> [&str; 4] {
        match self {
            Self::ServiceAccount(account) => ["ns", &account.namespace, "sa", &account.name],
            Self::Pod(pod) => ["ns", &pod.namespace, "sa", &pod.service_account],
            Self::Certificate { namespace, name } => ["ns", namespace, "certificate", name],
        }
    }

    /// Returns whose names a message lists: of a Certificate, its namespace is what counts.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::ServiceAccount(_) | Self::Pod(_) => self.to_string(),
            Self::Certificate { namespace, .. } => {
                format!("a Certificate in namespace {namespace}")
            }
        }
    }

    pub(super) fn namespace(&self) -> &str {
        match self {
            Self::ServiceAccount(account) => &account.namespace,
            Self::Pod(pod) => &pod.namespace,
            Self::Certificate { namespace, .. } => namespace,
        }
    }
}

impl fmt::Display for Applicant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = match self {
            Self::ServiceAccount(account) => ("ServiceAccount", account.name.as_str()),
            Self::Pod(pod) => ("Pod", pod.name.as_str()),
            Self::Certificate { name, .. } => ("Certificate", *name),
        };
        write!(f, "the {kind} {}/{name}", self.namespace())
    }
}
