//! Whether an issuer can sign, as its status says. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use signet_api::IssuerStatus;
use signet_api::conditions::{READY, find};

/// The readiness of an issuer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Readiness<'a> {
    NotObserved,
    /// The conditions are about an earlier spec.
    Outdated(&'a Condition),
    NotReady(&'a Condition),
    Ready(&'a Condition),
}

impl<'a> Readiness<'a> {
    /// Judges the status of an object with this `metadata.generation`.
    pub(super) fn of(generation: Option<i64>, status: Option<&'a IssuerStatus>) -> Self {
        let ready = status.and_then(|status| Some((status, find(&status.conditions, READY)?)));
        match ready {
            None => Self::NotObserved,
            Some((status, ready)) if status.observed_generation != generation => {
                Self::Outdated(ready)
            }
            Some((_, ready)) if ready.status == "True" => Self::Ready(ready),
            Some((_, ready)) => Self::NotReady(ready),
        }
    }

    pub(super) const fn is_ready(self) -> bool {
        matches!(self, Self::Ready(_))
    }

    /// Returns the reason of the condition Ready; none if there is no such condition.
    pub(super) fn reason(self) -> Option<&'a str> {
        match self {
            Self::NotObserved => None,
            Self::Outdated(ready) | Self::NotReady(ready) | Self::Ready(ready) => {
                Some(&ready.reason)
            }
        }
    }

    /// Returns why the issuer is not ready.
    pub(super) fn problem(self) -> Option<String> {
        match self {
            Self::NotObserved => Some("no operator has observed it".to_owned()),
            Self::Outdated(_) => {
                Some("the operator has not observed the latest change of its spec".to_owned())
            }
            Self::NotReady(ready) => Some(format!("{}: {}", ready.reason, ready.message)),
            Self::Ready(_) => None,
        }
    }
}
