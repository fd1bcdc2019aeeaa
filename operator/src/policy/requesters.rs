//! The requesters of a rule.

use std::collections::BTreeSet;

use signet_api as api;
use signet_core::policy::pattern::{DnsPattern, PathPattern, Variable};
use signet_core::policy::rule::{Agent, Delegates, Namespaces, OwnNames, Requesters};
use signet_core::request::ServiceAccount;

use super::error::Fault;

/// Reads the requesters of a rule. The schema allows exactly one kind.
pub(super) fn read(requesters: &api::Requesters) -> Result<Requesters, Fault> {
    let kinds = [
        (!requesters.service_accounts.is_empty())
            .then(|| service_accounts(&requesters.service_accounts)),
        requesters
            .certificates
            .as_ref()
            .map(|of| Ok(Requesters::Certificates(namespaces(of)))),
        requesters
            .pods
            .as_ref()
            .map(|of| Ok(Requesters::Pods(namespaces(of)))),
        requesters.delegates.as_ref().map(delegates),
    ];
    let mut kinds = kinds.into_iter().flatten();
    match (kinds.next(), kinds.next()) {
        (Some(kind), None) => kind,
        _ => Err(Fault::new(
            "requesters",
            "must have exactly one of: serviceAccounts, certificates, pods, delegates",
        )),
    }
}

fn service_accounts(listed: &[api::AccountSelector]) -> Result<Requesters, Fault> {
    let mut named = BTreeSet::new();
    let mut whole = BTreeSet::new();
    for one in listed {
        match (&one.namespace, &one.name, &one.namespace_selector) {
            (Some(namespace), Some(name), None) => drop(named.insert(ServiceAccount {
                namespace: namespace.clone(),
                name: name.clone(),
            })),
            (Some(namespace), None, None) => drop(whole.insert(namespace.clone())),
            (None, None, Some(selector)) if listed.len() == 1 => {
                return Ok(Requesters::ServiceAccounts {
                    named,
                    namespaces: Some(labeled(selector)),
                });
            }
            _ => {
                return Err(Fault::new(
                    "requesters.serviceAccounts",
                    "must have entries with namespace and name, or a single one with \
                     namespaceSelector",
                ));
            }
        }
    }
    Ok(Requesters::ServiceAccounts {
        named,
        namespaces: (!whole.is_empty()).then_some(Namespaces::Named(whole)),
    })
}

fn namespaces(of: &api::RequesterNamespaces) -> Namespaces {
    match &of.namespace_selector {
        Some(selector) => labeled(selector),
        None => Namespaces::Named(of.namespaces.iter().cloned().collect()),
    }
}

fn labeled(selector: &api::LabelSelector) -> Namespaces {
    match selector.match_labels.is_empty() {
        true => Namespaces::All,
        false => Namespaces::Labeled(selector.match_labels.clone()),
    }
}

fn delegates(delegates: &api::Delegates) -> Result<Requesters, Fault> {
    let accounts = delegates.service_accounts.iter();
    let accounts = accounts.map(|account| {
        Agent::ServiceAccount(ServiceAccount {
            namespace: account.namespace.clone(),
            name: account.name.clone(),
        })
    });
    let users = delegates.users.iter().cloned().map(Agent::User);
    let groups = delegates.groups.iter().cloned().map(Agent::Group);
    let listed = delegates.request_namespaces.iter();
    let own = delegates.service_accounts.iter();
    let request_in = match delegates.request_namespaces.is_empty() {
        true => own.map(|account| account.namespace.clone()).collect(),
        false => listed.cloned().collect(),
    };
    Ok(Requesters::Delegates(Delegates {
        agents: accounts.chain(users).chain(groups).collect(),
        act_for: namespaces(&delegates.act_for),
        request_in,
        own: delegates.own.as_ref().map(own_names).transpose()?,
        unread: None,
    }))
}

fn own_names(own: &api::OwnNames) -> Result<OwnNames, Fault> {
    let field = "requesters.delegates.own.dnsNames";
    let dns_names = own.dns_names.iter().map(|name| DnsPattern::parse(name));
    let dns_names: Vec<_> = dns_names
        .collect::<Result<_, _>>()
        .map_err(Fault::at(field))?;
    let has_variable =
        |name: &DnsPattern| Variable::ALL.iter().any(|variable| name.uses(*variable));
    if dns_names.iter().any(has_variable) {
        return Err(Fault::new(
            field,
            "must not contain variables; write the names of the delegate",
        ));
    }
    let field = "requesters.delegates.own.spiffeId";
    let spiffe_id = PathPattern::parse(&own.spiffe_id).map_err(Fault::at(field))?;
    match spiffe_id.is_literal() {
        true => Ok(OwnNames {
            dns_names,
            spiffe_id,
        }),
        false => Err(Fault::new(
            field,
            "must not contain variables or wildcards; write the path of the delegate",
        )),
    }
}
