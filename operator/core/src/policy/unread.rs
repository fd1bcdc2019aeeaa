//! The workload whose users learn of a refusal that the requesting agent does not read.

use super::case::Case;
use super::object_name::{is_namespace, is_service_account};
use super::requesters::{is_agent, selects};
use super::rule::{Delegates, Requesters, UnreadRefusals, WorkloadName};
use super::{Denial, Facts, IssuerPolicy, delegate};
use crate::request::{Request, ServiceAccount};
use crate::x509::names::SubjectAltNames;

/// The label between the UUID of a proxy of Open Service Mesh and its account.
const SIDECAR: &str = "sidecar";

/// Adds to a denial the workload that the request is for, if its requester is an agent that reads no
/// refusals. An agent that does not act for the namespace does not reach it in this way either.
pub(super) fn with_workload(
    denial: Denial,
    request: &Request,
    policy: &IssuerPolicy,
    facts: Facts<'_>,
) -> Denial {
    let case = Case::new(request, policy, facts);
    Denial {
        workload: case.ok().as_ref().and_then(workload),
        ..denial
    }
}

fn workload(case: &Case<'_>) -> Option<ServiceAccount> {
    let rules = case.policy.rules.iter();
    let mut unread = rules.filter_map(|rule| of_agent(rule_delegates(&rule.requesters)?, case));
    unread.find_map(|unread| {
        let workload = named(unread, case)?;
        is_told(unread, case, &workload.namespace).then_some(workload)
    })
}

/// Whether users of this namespace learn of it. Its labels are read only if it can be.
fn is_told(unread: &UnreadRefusals, case: &Case<'_>, namespace: &str) -> bool {
    let own = case.policy.namespace.as_ref();
    own.is_none_or(|own| own == namespace)
        && !delegate::is_reserved(case, namespace)
        && selects(&unread.namespaces, namespace, case.facts.namespaces) == Some(true)
}

fn rule_delegates(requesters: &Requesters) -> Option<&Delegates> {
    match requesters {
        Requesters::Delegates(delegates) => Some(delegates),
        _ => None,
    }
}

fn of_agent<'a>(delegates: &'a Delegates, case: &Case<'_>) -> Option<&'a UnreadRefusals> {
    let unread = delegates.unread.as_ref()?;
    is_agent(delegates, case).then_some(unread)
}

/// Returns the ServiceAccount that the CSR names.
fn named(unread: &UnreadRefusals, case: &Case<'_>) -> Option<ServiceAccount> {
    let (namespace, name) = match &unread.named_by {
        WorkloadName::SpiffeId => {
            let id = delegate::bindings(case.listed.as_ref()?);
            (id.namespace?, id.service_account?)
        }
        WorkloadName::DnsName { trust_domain } => {
            let names = case.request.csr.extensions.subject_alt_names.as_ref();
            let name = names.map(SubjectAltNames::dns)?.first()?;
            of_dns_name(name, trust_domain)?
        }
    };
    (is_namespace(namespace) && is_service_account(name)).then(|| ServiceAccount {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
}

/// Reads `<account>.<namespace>.<trust domain>`, and `<UUID>.sidecar.` before it.
fn of_dns_name<'a>(name: &'a str, trust_domain: &str) -> Option<(&'a str, &'a str)> {
    let labels = name.strip_suffix(trust_domain)?.strip_suffix('.')?;
    let (account, namespace) = labels.rsplit_once('.')?;
    let of_proxy = account
        .split_once('.')
        .and_then(|(_, rest)| rest.split_once('.'));
    match of_proxy {
        Some((SIDECAR, account)) => Some((namespace, account)),
        _ => Some((namespace, account)),
    }
}
