//! What policy allows: one pure function from a request, an issuer's policy and what is known of the
//! cluster to a decision.
//!
//! Checks of the request itself are first, in a fixed order. Then the rules of the issuer: the first
//! that allows the whole request decides ([`rule`]). What holds for every certificate of the issuer
//! is checked last. Each check has a file of its own.

mod allowed_names;
mod applicant;
mod ca;
mod case;
mod common_name;
mod default;
mod delegate;
mod evaluate;
mod facts;
mod grant;
mod identity;
mod issuer;
mod keys;
mod lifetime;
mod limits;
mod listed;
mod names;
mod object_name;
mod other_names;
pub mod pattern;
mod pod;
mod reference;
mod requesters;
pub mod rule;
mod trust_domains;
mod unread;
mod usages;

#[cfg(test)]
mod tests;

pub use ca::CaProfile;
pub use common_name::CommonNameKind;
pub use default::{DEFAULT, default_rules};
pub use facts::{Facts, NamespaceLabels, ServedTrustDomains};
pub use grant::{Grant, Kind, Terms};
pub use issuer::{Issuer, IssuerPolicy};
pub use lifetime::{Cap, DEFAULT_MIN_DURATION, LifetimeLimits, Shortening};

pub use crate::reason::{Denial, Wait};

use crate::reason::Reason;
use crate::request::Request;
use case::Case;

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

/// Why a request is not granted.
enum Refusal {
    Wait(Wait),
    Deny(Denial),
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self::Deny(denial)
    }
}

/// Decides on a request.
///
/// The same request, policy and facts always lead to the same decision. The order is that of
/// cert-manager (rule A5-38): an issuer that is missing, what the request alone decides, an issuer
/// that is not ready, and then its policy. A requester without access learns only that the issuer
/// exists.
pub fn decide(request: &Request, issuer: Issuer<'_>, facts: Facts<'_>) -> Decision {
    let decision = match issuer {
        Issuer::Missing { name, other } => Err(wait(Reason::IssuerNotFound, missing(name, other))),
        Issuer::NotReady { name, message } => admissible(request).and_then(|()| {
            Err(wait(
                Reason::IssuerNotReady,
                format!("{name} is not ready: {message}"),
            ))
        }),
        Issuer::Ready(policy) => admissible(request)
            .and_then(|()| grant(request, policy, facts))
            .map_err(|refusal| match refusal {
                Refusal::Wait(wait) => Refusal::Wait(wait),
                Refusal::Deny(denial) => {
                    Refusal::Deny(unread::with_workload(denial, request, policy, facts))
                }
            }),
    };
    match decision {
        Ok(grant) => Decision::Grant(Box::new(grant)),
        Err(Refusal::Wait(wait)) => Decision::Wait(wait),
        Err(Refusal::Deny(denial)) => Decision::Deny(denial),
    }
}

fn missing(name: &str, other: Option<&str>) -> String {
    match other {
        None => format!("{name} does not exist; the request will be processed once it does."),
        Some(other) => format!(
            "{name} does not exist, but {other} does; check the kind in issuerRef or the signer name"
        ),
    }
}

fn wait(reason: Reason, message: String) -> Refusal {
    Refusal::Wait(Wait { reason, message })
}

/// Checks what no issuer's policy can change.
fn admissible(request: &Request) -> Result<(), Refusal> {
    reference::check(request)?;
    pod::check_annotations(request)?;
    if request.duration.is_some_and(|it| it.as_secs() == 0) {
        let message = "the duration is shorter than a second; request at least one";
        return Err(Reason::InvalidDuration.denial(message).into());
    }
    Ok(())
}

fn grant(request: &Request, policy: &IssuerPolicy, facts: Facts<'_>) -> Result<Grant, Refusal> {
    pod::check(request, policy)?;
    ca::check(request, policy)?;
    usages::check(request)?;
    let case = Case::new(request, policy, facts)?;
    let allowed = evaluate::evaluate(&case)?;
    trust_domains::check(&case, allowed.kind)?;
    let (kind, spiffe_id) = (allowed.kind, allowed.spiffe_id);
    let (usages, dropped_usages) = usages::decide(request, policy, kind)?;
    let (subject_der, subject_alt_names) =
        names::decide(request, policy, kind, spiffe_id.as_ref())?;
    let (duration, cap) = lifetime::decide(request, policy, allowed.rule, kind);
    pod::check_duration(request, duration)?;
    limits::check(policy, &subject_der, subject_alt_names.as_ref(), &usages)?;
    Ok(Grant(Terms {
        request_uid: request.raw.uid.clone(),
        rule: allowed.rule.name.clone(),
        subject_der,
        subject_alt_names,
        public_key: request.csr.public_key.clone(),
        usages,
        dropped_usages,
        duration,
        cap,
        shortening: pod::shortening(request, policy),
        kind,
        name_constraints: request.csr.extensions.name_constraints.clone(),
        spiffe_id,
    }))
}
