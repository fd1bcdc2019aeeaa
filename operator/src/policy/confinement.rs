//! Rules whose requesters are selected by the labels of namespaces.
//!
//! The schema refuses what such a rule must not grant. This is for presets, whose grants the schema
//! does not know.

use signet_api as api;
use signet_core::policy::pattern::Variable;
use signet_core::policy::rule::{Allow, Rule, Unlisted};

use super::error::Fault;

/// Whether the requesters are selected by the labels of namespaces.
pub(super) fn selects(requesters: &api::Requesters) -> bool {
    let by_label = |of: &Option<api::RequesterNamespaces>| {
        (of.as_ref()).is_some_and(|of| of.namespace_selector.is_some())
    };
    let accounts = requesters.service_accounts.iter();
    let delegates = requesters.delegates.as_ref();
    by_label(&requesters.certificates)
        || by_label(&requesters.pods)
        || delegates.is_some_and(|of| of.act_for.namespace_selector.is_some())
        || accounts
            .into_iter()
            .any(|one| one.namespace_selector.is_some())
}

/// Checks that each grant of the rules depends on the requester's namespace.
pub(super) fn check(rules: &[Rule]) -> Result<(), Fault> {
    match rules.iter().any(|rule| !is_confined(&rule.allow)) {
        true => Err(Fault::new(
            "requesters",
            "must list namespaces by name, without namespaceSelector: the rule grants CA \
             certificates or names without {namespace}, and tenants may label their own namespaces",
        )),
        false => Ok(()),
    }
}

fn is_confined(allow: &Allow) -> bool {
    let namespace = Variable::Namespace;
    let names = &allow.names;
    let mut subject = names.subject.values().flatten();
    allow.ca.is_none()
        && allow.unlisted == Unlisted::Refused
        && names.ip_addresses.is_empty()
        && names.other_names.is_empty()
        && (allow.spiffe_ids.patterns.iter()).all(|pattern| pattern.uses(namespace))
        && (names.dns_names.iter()).all(|pattern| pattern.uses(namespace))
        && (names.email_addresses.iter()).all(|pattern| pattern.uses(namespace))
        && (names.uris.iter()).all(|pattern| pattern.uses(namespace))
        && subject.all(|pattern| pattern.uses(namespace) || pattern.names_nothing())
}
