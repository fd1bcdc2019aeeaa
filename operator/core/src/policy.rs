//! What policy allows: one pure function from a request and an issuer's rules to a decision.
//!
//! The rules are run in a fixed order and the first refusal wins. Each rule has a file of its
//! own.

mod applicant;
mod ca;
mod grant;
mod identity;
mod lifetime;
mod limits;
mod names;
mod other_names;
mod reference;
mod usages;

#[cfg(test)]
mod tests;

pub use ca::{AllowedRequesters, CaProfile};
pub use grant::{Grant, Kind, Terms};
pub use lifetime::{DEFAULT_MIN_DURATION, LifetimeLimits, Shortening};

pub use crate::reason::{Denial, Wait};

use crate::ca::Limits;
use crate::reason::Reason;
use crate::request::{Request, ServiceAccount};
use crate::spiffe::TrustDomain;
use crate::x509::names::NameSet;

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Decision {
    /// It may succeed later, when something outside of the request changes.
    Wait(Wait),
    /// It can never succeed.
    Deny(Denial),
    /// What exactly may be signed.
    Grant(Box<Grant>),
}

/// The issuer that a request names, as far as policy needs to know it.
#[derive(Clone, Copy, Debug)]
pub enum Issuer<'a> {
    /// There is no such issuer.
    Missing {
        /// How the request names it, for the message.
        name: &'a str,
    },
    /// It cannot sign now.
    NotReady {
        /// How the request names it, for the message.
        name: &'a str,
        /// The message of its Ready condition.
        message: &'a str,
    },
    /// It can sign, under these rules.
    Ready(&'a Rules),
}

/// The rules of one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The namespace of a namespaced issuer; none for a ClusterIssuer.
    pub namespace: Option<String>,
    /// The ServiceAccount whose requests are made for Certificates.
    pub cert_manager: ServiceAccount,
    /// What the CA certificates of the issuer's chain forbid below them.
    pub limits: Limits,
    /// The subjects of the CA certificates that the issuer knows: no certificate may have one.
    pub ca_subjects: NameSet,
    /// How long certificates may be valid.
    pub lifetimes: LifetimeLimits,
    /// The profile of CA requests; none refuses them.
    pub ca: Option<CaProfile>,
    /// The trust domain, which no leaf leaves; none makes the issuer a plain private CA.
    pub trust_domain: Option<TrustDomain>,
}

/// Decides on a request.
///
/// The same request and rules always lead to the same decision. The order is that of cert-manager
/// (rule A5-38): an issuer that is missing, what the request alone decides, an issuer that is not
/// ready, and then its rules. A requester without access learns only that the issuer exists.
pub fn decide(request: &Request, issuer: Issuer<'_>) -> Decision {
    let decision = match issuer {
        Issuer::Missing { name } => Ok(wait(
            Reason::IssuerNotFound,
            format!("{name} does not exist; the request will be processed once it does."),
        )),
        Issuer::NotReady { name, message } => admissible(request).map(|()| {
            wait(
                Reason::IssuerNotReady,
                format!("{name} is not ready: {message}"),
            )
        }),
        Issuer::Ready(rules) => admissible(request)
            .and_then(|()| grant(request, rules))
            .map(|grant| Decision::Grant(Box::new(grant))),
    };
    decision.unwrap_or_else(Decision::Deny)
}

fn wait(reason: Reason, message: String) -> Decision {
    Decision::Wait(Wait { reason, message })
}

/// Checks what no issuer's rules can change.
fn admissible(request: &Request) -> Result<(), Denial> {
    reference::check(request)?;
    if request.duration.as_secs() == 0 {
        return Err(Reason::InvalidDuration
            .denial("the duration is shorter than a second; request at least one"));
    }
    Ok(())
}

fn grant(request: &Request, rules: &Rules) -> Result<Grant, Denial> {
    let kind = ca::decide(request, rules)?;
    let (usages, dropped_usages) = usages::decide(request, rules, kind)?;
    let spiffe_id = identity::decide(request, rules, kind)?;
    let (subject_der, subject_alt_names) = names::decide(request, rules, kind, spiffe_id.as_ref())?;
    let (duration, is_capped) = lifetime::decide(request, rules, kind);
    limits::check(rules, &subject_der, subject_alt_names.as_ref(), &usages)?;
    Ok(Grant(Terms {
        request_uid: request.raw.uid.clone(),
        subject_der,
        subject_alt_names,
        public_key: request.csr.public_key.clone(),
        usages,
        dropped_usages,
        duration,
        is_capped,
        shortening: rules.lifetimes.shortening,
        kind,
        name_constraints: request.csr.extensions.name_constraints.clone(),
        spiffe_id,
    }))
}
