//! Whose rule it is.

use std::collections::BTreeMap;

use super::applicant::Applicant;
use super::case::Case;
use super::facts::NamespaceLabels;
use super::pattern::Bindings;
use super::rule::{Agent, Delegates, Namespaces, Requesters, Rule};
use super::{Denial, Wait};
use crate::reason::Reason;
use crate::request::Requester;

/// The requester in the terms of a rule.
pub(super) enum Subject<'a> {
    /// A ServiceAccount or a Certificate.
    Own(&'a Applicant<'a>),
    /// An agent of these delegates.
    Delegate(&'a Delegates),
    /// Any requester.
    Anyone,
}

/// A namespace whose labels are needed and not known.
pub(super) struct Pending(pub(super) String);

impl Pending {
    pub(super) fn wait(&self) -> Wait {
        Wait {
            reason: Reason::PolicyNotReady,
            message: format!(
                "a rule of the issuer selects namespaces by labels, and those of namespace {} are \
                 not known yet; the request will be processed once they are",
                self.0
            ),
        }
    }
}

/// Returns the requester in the terms of the rule, and the namespace whose labels are needed to be
/// sure; none if the rule is for other requesters.
pub(super) fn recognize<'a>(
    rule: &'a Rule,
    case: &'a Case<'a>,
) -> Option<(Subject<'a>, Option<Pending>)> {
    let namespaces = match (&rule.requesters, &case.applicant) {
        (Requesters::Anyone, _) => {
            return case
                .policy
                .trust_domain
                .is_none()
                .then_some((Subject::Anyone, None));
        }
        (Requesters::Delegates(delegates), _) => {
            return is_agent(delegates, case).then_some((Subject::Delegate(delegates), None));
        }
        (
            Requesters::ServiceAccounts { named, namespaces },
            Ok(Applicant::ServiceAccount(account)),
        ) => {
            if named.contains(account) {
                return Some((Subject::Own(case.applicant.as_ref().ok()?), None));
            }
            namespaces.as_ref()?
        }
        (Requesters::Certificates(namespaces), Ok(Applicant::Certificate { .. }))
        | (Requesters::Pods(namespaces), Ok(Applicant::Pod(_))) => namespaces,
        _ => return None,
    };
    let applicant = case.applicant.as_ref().ok()?;
    let pending = match selects(namespaces, applicant.namespace(), case.facts.namespaces) {
        Some(true) => None,
        Some(false) => return None,
        None => Some(Pending(applicant.namespace().to_owned())),
    };
    Some((Subject::Own(applicant), pending))
}

/// Returns whether the namespaces contain this one; none if its labels are needed and not known.
pub(super) fn selects(
    namespaces: &Namespaces,
    namespace: &str,
    labels: &dyn NamespaceLabels,
) -> Option<bool> {
    match namespaces {
        Namespaces::All => Some(true),
        Namespaces::Named(named) => Some(named.contains(namespace)),
        Namespaces::Labeled(selector) => {
            let labels = labels.labels(namespace)?;
            Some(has_all(&labels, selector))
        }
    }
}

fn has_all(labels: &BTreeMap<String, String>, selector: &BTreeMap<String, String>) -> bool {
    (selector.iter()).all(|(key, value)| labels.get(key) == Some(value))
}

/// A ServiceAccount is recognized by its token, and never by a name or group that a client
/// certificate can carry. cert-manager's own account is never an agent.
pub(super) fn is_agent(delegates: &Delegates, case: &Case<'_>) -> bool {
    let requester = &case.request.raw.requester;
    delegates.agents.iter().any(|agent| match agent {
        Agent::ServiceAccount(agent) => {
            matches!(&case.applicant, Ok(Applicant::ServiceAccount(own)) if own == agent)
        }
        Agent::User(name) => *name == requester.username && !is_service_account(requester),
        Agent::Group(group) => {
            !is_everyone(group)
                && requester.groups.contains(group)
                && !is_service_account(requester)
        }
    })
}

/// Returns whether any rule has the requester as an agent.
pub(super) fn is_delegate(case: &Case<'_>) -> bool {
    case.policy.rules.iter().any(|rule| {
        matches!(&rule.requesters, Requesters::Delegates(delegates) if is_agent(delegates, case))
    })
}

fn is_service_account(requester: &Requester) -> bool {
    requester.username.starts_with("system:serviceaccount:")
}

/// Groups that are not a few agents: of all ServiceAccounts, of all users, of administrators.
fn is_everyone(group: &str) -> bool {
    group.starts_with("system:serviceaccounts")
        || matches!(
            group,
            "system:authenticated" | "system:unauthenticated" | "system:masters"
        )
}

/// Returns the variables of an applicant.
pub(super) fn bindings<'a>(applicant: &'a Applicant<'a>) -> Bindings<'a> {
    let bindings = Bindings {
        namespace: Some(applicant.namespace()),
        ..Bindings::default()
    };
    match applicant {
        Applicant::ServiceAccount(account) => Bindings {
            service_account: Some(&account.name),
            ..bindings
        },
        Applicant::Pod(pod) => Bindings {
            service_account: Some(&pod.service_account),
            ..bindings
        },
        Applicant::Certificate { name, .. } => Bindings {
            certificate: Some(name),
            ..bindings
        },
    }
}

/// Refuses a requester that no rule is for.
pub(super) fn no_rule(case: &Case<'_>) -> Denial {
    let has_trust_domain = case.policy.trust_domain.is_some();
    match &case.applicant {
        _ if case.request.raw.ca => super::ca::not_allowed(case),
        Err(error) if has_trust_domain => Reason::IdentityNotAllowed.denial(format!(
            "{error}; only ServiceAccounts and Certificates can have a SPIFFE ID from this issuer"
        )),
        _ => Reason::RequesterNotAllowed.denial(format!(
            "no rule of the issuer is for {}; add a rule to its spec.policy.rules, or use another \
             issuer",
            case.who()
        )),
    }
}
