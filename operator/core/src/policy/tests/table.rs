//! Rules, requesters and requested names, as a table in `table.txt`.

use std::collections::{BTreeMap, BTreeSet};

use super::notation::{RequestText, RuleText};
use super::oracle;
use crate::fixtures::request::{plain, spiffe};
use crate::policy::{CaProfile, Decision, Facts, Issuer, IssuerPolicy, decide};
use crate::request::Request;
use crate::spiffe::TrustDomain;

/// The issuer and its rules above the rows of a part of the table.
#[derive(Clone, Debug, Default)]
struct Part {
    issuer: String,
    rules: Vec<RuleText>,
}

/// The policy of `td`, `plain`, and either of a namespaced issuer: `td/shop`.
pub(super) fn policy(issuer: &str, rules: &[RuleText]) -> IssuerPolicy {
    let (kind, namespace) = match issuer.split_once('/') {
        Some((kind, namespace)) => (kind, Some(namespace.to_owned())),
        None => (issuer, None),
    };
    let base = match kind {
        "td" => spiffe(),
        _ => plain(),
    };
    let rules = rules.iter().enumerate();
    IssuerPolicy {
        namespace,
        ca: Some(CaProfile { path_length: 0 }),
        rules: rules
            .map(|(n, rule)| rule.rule(&format!("rule-{n}")))
            .collect(),
        ..base
    }
}

/// Namespaces `shop` and `pay` have the label `team: shop`, `till` has another, and of `new` nothing
/// is known.
pub(super) fn labels() -> BTreeMap<String, BTreeMap<String, String>> {
    let of = |name: &str, team: &str| {
        (
            name.to_owned(),
            [("team".to_owned(), team.to_owned())].into(),
        )
    };
    [of("shop", "shop"), of("pay", "shop"), of("till", "till")].into()
}

fn result(part: &Part, request: &RequestText) -> String {
    let policy = policy(&part.issuer, &part.rules);
    let (namespaces, served) = (labels(), Some(served()));
    let facts = Facts {
        namespaces: &namespaces,
        served_trust_domains: &served,
    };
    let decision = match Request::parse(request.raw()) {
        Ok(parsed) => decide(&parsed, Issuer::Ready(&policy), facts),
        Err(denial) => Decision::Deny(denial),
    };
    match decision {
        Decision::Grant(grant) => {
            let id = grant.spiffe_id.as_ref().map(ToString::to_string);
            let allowed = oracle::allows(&part.issuer, &part.rules, request, id.as_deref());
            assert!(
                allowed,
                "the oracle does not allow {request:?} under {part:?}"
            );
            match grant.spiffe_id.as_ref().filter(|_| !request.has("uri")) {
                Some(added) => format!("ok {}", added.path()),
                None => "ok".to_owned(),
            }
        }
        Decision::Deny(denial) => denial.reason.to_string(),
        Decision::Wait(_) => "wait".to_owned(),
    }
}

pub(super) fn served() -> BTreeSet<TrustDomain> {
    [TrustDomain::parse("served.example").unwrap()].into()
}

#[test]
fn decides_as_the_table_says() {
    let (mut part, mut rows, mut wrong) = (Part::default(), 0, Vec::new());
    for line in include_str!("table.txt").lines() {
        let line = line.split("  #").next().unwrap().trim();
        if let Some(issuer) = line.strip_prefix("issuer ") {
            part = Part {
                issuer: issuer.to_owned(),
                rules: Vec::new(),
            };
        } else if let Some(rule) = line.strip_prefix("rule ") {
            part.rules.push(RuleText::parse(rule));
        } else if let Some((request, expected)) = line.split_once(" => ") {
            rows += 1;
            let found = result(&part, &RequestText::parse(request));
            if found != expected.trim() {
                wrong.push(format!("{request} => {found}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows >= 200, "{rows} rows");
}
