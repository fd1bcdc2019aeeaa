//! Rules of an issuer.

use std::collections::{BTreeMap, BTreeSet};

use der::asn1::ObjectIdentifier;
use signet_core::policy::pattern::{DnsPattern, PathPattern, PatternError, TextPattern};
use signet_core::policy::rule::{
    Agent, Allow, AllowedNames, CaRight, Delegates, Namespaces, OwnNames, Requesters, Rule,
    SpiffeIds,
};
use signet_core::policy::{Facts, default_rules};
use signet_core::spiffe::TrustDomain;

use crate::request::account;

static NAMESPACES: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
static TRUST_DOMAINS: Option<BTreeSet<TrustDomain>> = Some(BTreeSet::new());

/// Nothing is known of namespaces, and no other issuer serves a trust domain.
pub const FACTS: Facts<'static> = Facts {
    namespaces: &NAMESPACES,
    served_trust_domains: &TRUST_DOMAINS,
};

/// The preset, or rules of each kind of requester; before them the right to CA certificates.
pub fn rules(has_trust_domain: bool, has_ca: bool, is_custom: bool) -> Vec<Rule> {
    let rules = match is_custom {
        true => custom(),
        false => default_rules(has_trust_domain),
    };
    match has_ca {
        true => [ca(), rules].concat(),
        false => rules,
    }
}

fn ca() -> Vec<Rule> {
    let right = CaRight {
        path_length: u8::MAX,
        max_duration: None,
    };
    let allow = Allow {
        ca: Some(right),
        ..Allow::default()
    };
    let requesters = [
        Requesters::ServiceAccounts {
            named: [account("shop", "web")].into(),
            namespaces: None,
        },
        Requesters::Certificates(Namespaces::Named(["shop".to_owned()].into())),
    ];
    let rules = requesters.into_iter().map(|requesters| Rule {
        name: "ca".to_owned(),
        requesters,
        allow: allow.clone(),
    });
    rules.collect()
}

/// With lists of names, for an agent and for others.
fn custom() -> Vec<Rule> {
    let istiod = Delegates {
        agents: [Agent::ServiceAccount(account("istio-system", "istiod"))].into(),
        act_for: Namespaces::All,
        request_in: BTreeSet::new(),
        own: Some(OwnNames {
            dns_names: parsed(&["istiod.istio-system.svc"], DnsPattern::parse),
            spiffe_id: path("/ns/istio-system/sa/istiod"),
        }),
        unread: None,
    };
    let accounts = Requesters::ServiceAccounts {
        named: BTreeSet::new(),
        namespaces: Some(Namespaces::All),
    };
    vec![
        rule(
            Requesters::Delegates(istiod),
            "/ns/{namespace}/sa/{serviceAccount}",
        ),
        rule(accounts, "/ns/{namespace}/sa/{serviceAccount}"),
        rule(
            Requesters::Certificates(Namespaces::All),
            "/ns/{namespace}/**",
        ),
    ]
}

fn rule(requesters: Requesters, pattern: &str) -> Rule {
    let names = AllowedNames {
        dns_names: parsed(&["**.{namespace}.svc", "web"], DnsPattern::parse),
        subject: [(
            ObjectIdentifier::new_unwrap("2.5.4.10"),
            parsed(&[""], TextPattern::parse),
        )]
        .into(),
        ..AllowedNames::default()
    };
    Rule {
        name: "custom".to_owned(),
        requesters,
        allow: Allow {
            spiffe_ids: SpiffeIds {
                patterns: vec![path(pattern)],
                default: None,
            },
            names,
            ..Allow::default()
        },
    }
}

fn path(pattern: &str) -> PathPattern {
    PathPattern::parse(pattern).expect("it is one")
}

fn parsed<T>(patterns: &[&str], parse: fn(&str) -> Result<T, PatternError>) -> Vec<T> {
    let patterns = patterns.iter();
    patterns.map(|it| parse(it).expect("it is one")).collect()
}
