//! What no delegate gets unless its rule names it literally.

use crate::policy::Denial;
use crate::policy::applicant::Applicant;
use crate::policy::case::Case;
use crate::policy::identity;
use crate::policy::listed;
use crate::policy::object_name::{is_namespace, is_service_account};
use crate::policy::pattern::Bindings;
use crate::policy::requesters::{Pending, selects};
use crate::policy::rule::{Agent, Delegates, Namespaces, Requesters, Rule};
use crate::reason::Reason;
use crate::request::ServiceAccount;
use crate::spiffe::SpiffeId;

/// The namespace of the cluster's own components.
const KUBE_SYSTEM: &str = "kube-system";

/// Checks an ID that an agent requests for another, and returns the namespace whose labels are needed
/// to be sure.
pub(super) fn check(
    case: &Case<'_>,
    rule: &Rule,
    delegates: &Delegates,
    id: &SpiffeId,
) -> Result<Option<Pending>, Denial> {
    let namespace = super::bindings(id).namespace;
    check_object_names(id)?;
    check_scope(case, Some(id))?;
    check_request_namespace(case, delegates, namespace)?;
    let is_literal = is_named_literally(case, rule, id);
    let pending = check_act_for(case, delegates, id, namespace, is_literal)?;
    if is_literal {
        return Ok(pending);
    }
    let protected = protection(case, delegates, id, namespace);
    match protected {
        None => Ok(pending),
        Some(whose) => Err(Reason::IdentityNotAllowed.denial(format!(
            "{id} is {whose}, which a delegate gets only if its rule lists this ID without \
             variables and wildcards"
        ))),
    }
}

/// Refuses `/ns/…` with names that no namespace or account can have: `KUBE-SYSTEM` is not protected,
/// and DNS names and mailboxes with `{namespace}` are compared without regard to case.
fn check_object_names(id: &SpiffeId) -> Result<(), Denial> {
    let Bindings {
        namespace,
        service_account,
        ..
    } = super::bindings(id);
    if namespace.is_none_or(is_namespace) && service_account.is_none_or(is_service_account) {
        return Ok(());
    }
    Err(Reason::IdentityNotAllowed.denial(format!(
        "{id} names a namespace or ServiceAccount that cannot exist: their names have lower-case \
         letters, digits, '-' and, in accounts, '.'; correct the CSR"
    )))
}

/// Checks the agent's own ID, in a request for the agent itself.
pub(super) fn check_own(
    case: &Case<'_>,
    delegates: &Delegates,
    id: Option<&SpiffeId>,
) -> Result<(), Denial> {
    check_scope(case, id)?;
    let namespace = id.and_then(|id| super::bindings(id).namespace);
    check_request_namespace(case, delegates, namespace)
}

/// Checks a request without an ID to an issuer without a trust domain.
pub(super) fn check_without_id(case: &Case<'_>, delegates: &Delegates) -> Result<(), Denial> {
    if case.policy.namespace.is_some() {
        return Err(Reason::IdentityNotAllowed.denial(
            "a delegate's request to an Issuer in a namespace must list a SPIFFE ID of that \
             namespace",
        ));
    }
    check_request_namespace(case, delegates, None)
}

/// Without a trust domain a request may list several URIs, and the bounds hold for one ID.
pub(super) fn check_single_id(case: &Case<'_>) -> Result<(), Denial> {
    let ids = listed::uris(case.request).iter();
    let ids = ids.filter(|uri| listed::has_scheme(uri)).count();
    if ids == usize::from(case.listed.is_some()) {
        return Ok(());
    }
    Err(Reason::IdentityNotAllowed.denial(
        "a delegate's request may list one SPIFFE ID, in its canonical form; correct the CSR",
    ))
}

/// A namespaced issuer serves its own namespace: the agent is in it, and so is the ID.
fn check_scope(case: &Case<'_>, id: Option<&SpiffeId>) -> Result<(), Denial> {
    let Some(own) = &case.policy.namespace else {
        return Ok(());
    };
    let is_in = match &case.applicant {
        Ok(Applicant::ServiceAccount(account)) => account.namespace == *own,
        _ => true,
    };
    if is_in && id.is_none_or(|id| identity::is_in_scope(id, case)) {
        return Ok(());
    }
    Err(Reason::IdentityNotAllowed.denial(format!(
        "the Issuer in namespace {own} issues to agents in that namespace, and SPIFFE IDs of that \
         namespace only; use a ClusterIssuer"
    )))
}

/// A request in the namespace of a workload is for that workload (csi-driver-spiffe makes it there).
fn check_request_namespace(
    case: &Case<'_>,
    delegates: &Delegates,
    namespace: Option<&str>,
) -> Result<(), Denial> {
    let Some(requested_in) = case.request.raw.namespace.as_deref() else {
        return Ok(());
    };
    let is_own = |agent: &Agent| matches!(agent, Agent::ServiceAccount(account) if account.namespace == requested_in);
    let is_agents = match delegates.request_in.is_empty() {
        true => delegates.agents.iter().any(is_own),
        false => delegates.request_in.contains(requested_in),
    };
    if is_agents || namespace == Some(requested_in) {
        return Ok(());
    }
    Err(Reason::IdentityNotAllowed.denial(format!(
        "{} made this request in namespace {requested_in}, so it must list a SPIFFE ID of that \
         namespace; list one, or add the namespace to the rule's requestNamespaces",
        case.who()
    )))
}

/// An ID without a namespace is for no namespace of a list, and must be named literally.
fn check_act_for(
    case: &Case<'_>,
    delegates: &Delegates,
    id: &SpiffeId,
    namespace: Option<&str>,
    is_literal: bool,
) -> Result<Option<Pending>, Denial> {
    let selected = match namespace {
        Some(namespace) => selects(&delegates.act_for, namespace, case.facts.namespaces),
        None => Some(is_literal || delegates.act_for == Namespaces::All),
    };
    match selected {
        Some(true) => Ok(None),
        None => Ok(namespace.map(|namespace| Pending(namespace.to_owned()))),
        Some(false) => Err(Reason::IdentityNotAllowed.denial(format!(
            "{} does not act for {}; add the namespace to the rule's delegates.for",
            case.who(),
            match namespace {
                Some(namespace) => format!("namespace {namespace}"),
                None => format!("{id}, which is in no namespace"),
            }
        ))),
    }
}

fn is_named_literally(case: &Case<'_>, rule: &Rule, id: &SpiffeId) -> bool {
    let none = Bindings::default();
    match &case.policy.trust_domain {
        Some(_) => (rule.allow.spiffe_ids.patterns.iter())
            .any(|pattern| pattern.is_literal() && pattern.matches(id.segments(), &none)),
        None => {
            let id = id.to_string();
            (rule.allow.names.uris.iter())
                .any(|pattern| pattern.is_literal() && pattern.matches(&id, &none))
        }
    }
}

/// Returns whose an ID is that no delegate gets from a pattern.
fn protection(
    case: &Case<'_>,
    delegates: &Delegates,
    id: &SpiffeId,
    namespace: Option<&str>,
) -> Option<String> {
    if let Some(namespace) = reserved_namespace(case, id, namespace) {
        return Some(format!("an ID of the protected namespace {namespace}"));
    }
    for rule in &case.policy.rules {
        if is_of_other_delegate(case, &rule.requesters, delegates, id) {
            return Some(format!("the ID of a delegate of rule {}", rule.name));
        }
        if rule.allow.ca.is_some() && is_of(&rule.requesters, id, namespace) {
            return Some(format!(
                "the ID of a requester of CA certificates of rule {}",
                rule.name
            ));
        }
    }
    None
}

/// An ID of another form than `/ns/<namespace>/…` may have its namespace in any segment: Open Service
/// Mesh has it in the last one.
fn reserved_namespace<'a>(
    case: &Case<'_>,
    id: &'a SpiffeId,
    namespace: Option<&'a str>,
) -> Option<&'a str> {
    match namespace {
        Some(namespace) => Some(namespace).filter(|namespace| is_reserved(case, namespace)),
        None => id.segments().find(|segment| is_reserved(case, segment)),
    }
}

pub(in crate::policy) fn is_reserved(case: &Case<'_>, namespace: &str) -> bool {
    namespace == KUBE_SYSTEM
        || namespace == case.policy.cert_manager.namespace
        || case.policy.reserved_namespaces.contains(namespace)
}

/// Whether the ID belongs to an agent of any rule, other than the requester.
fn is_of_other_delegate(
    case: &Case<'_>,
    requesters: &Requesters,
    requesters_own: &Delegates,
    id: &SpiffeId,
) -> bool {
    let Requesters::Delegates(delegates) = requesters else {
        return false;
    };
    let is_requester = |account: &ServiceAccount| matches!(&case.applicant, Ok(Applicant::ServiceAccount(requester)) if requester == account);
    let is_agents = delegates.agents.iter().any(|agent| match agent {
        Agent::ServiceAccount(account) => !is_requester(account) && is_account(id, account),
        Agent::User(_) | Agent::Group(_) => false,
    });
    let names = delegates
        .own
        .as_ref()
        .filter(|_| delegates != requesters_own);
    is_agents
        || names.is_some_and(|names| (names.spiffe_id).matches(id.segments(), &Bindings::default()))
}

fn is_account(id: &SpiffeId, account: &ServiceAccount) -> bool {
    id.segments()
        .eq(["ns", &account.namespace, "sa", &account.name])
}

/// Whether the ID belongs to one of these requesters. A label selector counts as every namespace.
fn is_of(requesters: &Requesters, id: &SpiffeId, namespace: Option<&str>) -> bool {
    let contains = |namespaces: &Namespaces| match (namespaces, namespace) {
        (Namespaces::Named(named), Some(namespace)) => named.contains(namespace),
        (_, namespace) => namespace.is_some(),
    };
    match requesters {
        Requesters::ServiceAccounts { named, namespaces } => {
            named.iter().any(|account| is_account(id, account))
                || namespaces.as_ref().is_some_and(contains)
        }
        Requesters::Certificates(namespaces) => {
            contains(namespaces) && id.segments().nth(2) == Some("certificate")
        }
        Requesters::Pods(namespaces) => contains(namespaces),
        Requesters::Delegates(_) | Requesters::Anyone => false,
    }
}
