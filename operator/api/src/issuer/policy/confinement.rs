//! The CEL rules about one rule as a whole.
//!
//! On many platforms tenants label their own namespaces. So a rule that grants a CA certificate, or
//! a name without `{namespace}`, lists the namespaces of its requesters by name.

use serde_json::{Value, json};

use super::subject;

/// The lists of patterns that may contain variables.
const PATTERNS: [&str; 4] = ["spiffeIds", "dnsNames", "emailAddresses", "uris"];

pub(super) fn rules() -> Value {
    let confined = patterns().map(|list| {
        format!("(!has({list}) || {list}.all(pattern, pattern.contains('{{namespace}}')))")
    });
    let confined: Vec<_> = confined.collect();
    let subject = subject_lists().join(" && ");
    json!([{
        "rule": "has(self.preset) != has(self.allow)",
        "message": "set preset or allow",
    }, {
        "rule": "has(self.preset) || has(self.requesters)",
        "message": "requesters is required without a preset",
    }, {
        "rule": "!has(self.allow) || !has(self.allow.ca) || !has(self.requesters) || !has(self.requesters.delegates)",
        "message": "delegates never get a CA certificate; name the requesters of allow.ca in serviceAccounts or certificates",
    }, {
        "rule": format!("!has(self.allow) || !has(self.allow.ca) || !({})", selects()),
        "message": "a rule with allow.ca must list its requesters' namespaces by name, without namespaceSelector: tenants may label their own namespaces",
    }, {
        "rule": format!("!has(self.allow) || !has(self.allow.unlistedNames) || self.allow.unlistedNames == 'Refused' || !({})", selects()),
        "message": "a rule with unlistedNames: Allowed must list its requesters' namespaces by name, without namespaceSelector: tenants may label their own namespaces",
    }, {
        "rule": format!("!has(self.allow) || !({}) || ({} && !has(self.allow.ipAddresses) && !has(self.allow.otherNames))", selects(), confined.join(" && ")),
        "message": CONFINED,
    }, {
        "rule": format!("!has(self.allow) || !has(self.allow.subject) || !({}) || ({subject})", selects()),
        "message": CONFINED,
    }])
}

const CONFINED: &str = "with namespaceSelector, each pattern must contain {namespace}, because tenants may label their own namespaces; add it, or list the requesters' namespaces by name";

fn patterns() -> impl Iterator<Item = String> {
    PATTERNS.iter().map(|list| format!("self.allow.{list}"))
}

/// The empty value names nothing.
fn subject_lists() -> Vec<String> {
    let lists = subject::FIELDS.iter();
    let lists = lists.map(|list| format!("self.allow.subject.{list}"));
    lists
        .map(|list| format!("(!has({list}) || {list}.all(value, value in ['', '{{namespace}}']))"))
        .collect()
}

/// Whether the requesters' namespaces are selected by their labels.
fn selects() -> String {
    let selected = ["certificates", "pods", "delegates.__for__"].map(|of| {
        let (kind, _) = of.split_once('.').unwrap_or((of, ""));
        format!("(has(self.requesters.{kind}) && has(self.requesters.{of}.namespaceSelector))")
    });
    format!(
        "has(self.requesters) && ({} || (has(self.requesters.serviceAccounts) && self.requesters.serviceAccounts.exists(account, has(account.namespaceSelector))))",
        selected.join(" || ")
    )
}
