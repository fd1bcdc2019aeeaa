//! Which rule a refusal is about, and what makes a request wait.

use std::time::Duration;

use super::notation::{RequestText, RuleText};
use super::table::{labels, policy};
use crate::policy::rule::{AllowedUsages, KeyRule, KeySizes, Rule};
use crate::policy::{DEFAULT, Decision, Denial, Facts, Issuer, decide};
use crate::reason::Reason;
use crate::request::Request;
use crate::x509::usages::Usages;

fn decision(issuer: &str, rules: &[RuleText], request: &str) -> Decision {
    let request = Request::parse(RequestText::parse(request).raw()).unwrap();
    let facts = Facts {
        namespaces: &labels(),
        served_trust_domains: &None,
    };
    decide(&request, Issuer::Ready(&policy(issuer, rules)), facts)
}

#[track_caller]
fn denial(rules: &[RuleText], request: &str) -> Denial {
    match decision("td", rules, request) {
        Decision::Deny(denial) => denial,
        other => panic!("{other:?}"),
    }
}

/// The first of those under which the request came furthest.
#[test]
fn a_refusal_names_the_rule_under_which_the_request_came_furthest() {
    let rules = [
        "cert:* id=/ns/{namespace}/**",
        "sa:shop/web id=/legacy",
        "sa:shop/* id=/ns/{namespace}/sa/{serviceAccount} dns=*.{namespace}.svc dns=shop.example",
        "sa:* id=/ns/{namespace}/sa/{serviceAccount}",
    ];
    let rules = rules.map(RuleText::parse);
    let refused = denial(&rules, "sa:shop/web dns=a.till.svc");
    assert_eq!(refused.reason, Reason::NameNotAllowed);
    assert_eq!(refused.rule.as_deref(), Some("rule-2"));
    assert_eq!(
        refused.message,
        "the DNS name \"a.till.svc\" is not in the rule; allowed is *.shop.svc, shop.example \
         (closest rule: rule-2, for ServiceAccounts)"
    );
    let refused = denial(&rules, "sa:shop/web uri=/ns/till/sa/web");
    assert_eq!(
        refused.message,
        "the ServiceAccount shop/web is allowed spiffe://example.org/legacy, not \
         spiffe://example.org/ns/till/sa/web (closest rule: rule-1, for ServiceAccounts)"
    );
    let refused = denial(&rules[1..2], "cert:shop/tls");
    assert_eq!(refused.reason, Reason::RequesterNotAllowed);
    assert_eq!(refused.rule, None);
    assert!(
        refused.message.contains("the Certificate shop/tls"),
        "{}",
        refused.message
    );
}

#[test]
fn a_refusal_shows_no_more_than_a_few_patterns() {
    let lists = (0..60).map(|n| format!("dns=host-{n}.example"));
    let rule = format!("sa:* id=/a {}", lists.collect::<Vec<_>>().join(" "));
    let refused = denial(
        &[RuleText::parse(&rule)],
        "sa:shop/web uri=/a dns=x.example",
    );
    assert!(
        refused.message.contains("and 55 more"),
        "{}",
        refused.message
    );
    assert!(refused.message.len() < 400, "{}", refused.message);
}

/// After a start, the trust domains of other issuers are not known at first.
#[test]
fn a_spiffe_uri_waits_until_the_trust_domains_of_others_are_known() {
    let rules = ["anyone unlisted"].map(RuleText::parse);
    for (request, waits) in [
        ("user:alice uri=spiffe://lab.example/a", true),
        ("user:alice uri=SPIFFE://lab.example/a", true),
        ("user:alice uri=https://lab.example/a", false),
        ("user:alice dns=lab.example", false),
    ] {
        match decision("plain", &rules, request) {
            Decision::Wait(wait) if waits => assert_eq!(wait.reason, Reason::PolicyNotReady),
            Decision::Grant(grant) if !waits => assert_eq!(grant.rule, "rule-0"),
            other => panic!("{request}: {other:?}"),
        }
    }
}

#[test]
fn a_request_waits_for_labels_only_if_no_other_rule_allows_it() {
    let rules = [
        "sa:[team:shop] id=/a/{namespace} default=/a/{namespace}",
        "sa:new/web id=/b",
    ];
    let rules = rules.map(RuleText::parse);
    let Decision::Wait(wait) = decision("td", &rules, "sa:new/web") else {
        panic!("it does not wait");
    };
    assert_eq!(wait.reason, Reason::PolicyNotReady);
    assert!(
        wait.message.contains("those of namespace new"),
        "{}",
        wait.message
    );
    let granted = decision("td", &rules, "sa:new/web uri=/b");
    assert!(matches!(granted, Decision::Grant(_)), "{granted:?}");
    assert_eq!(
        denial(&rules, "sa:new/web uri=/c").reason,
        Reason::IdentityNotAllowed
    );
}

/// The rule of a ServiceAccount, changed.
fn limited(change: impl Fn(&mut Rule)) -> Decision {
    let text = RuleText::parse("sa:* id=/ns/{namespace}/sa/{serviceAccount}");
    let mut policy = policy("td", &[text]);
    change(&mut policy.rules[0]);
    let mut raw = RequestText::parse("sa:shop/web").raw();
    raw.usages = ["server auth", "key agreement"].map(str::to_owned).into();
    raw.duration = Ok(None);
    let facts = Facts {
        namespaces: &labels(),
        served_trust_domains: &None,
    };
    decide(&Request::parse(raw).unwrap(), Issuer::Ready(&policy), facts)
}

#[test]
fn the_limits_of_a_rule_hold() {
    let hour = Duration::from_secs(3600);
    let duration = |decision| match decision {
        Decision::Grant(grant) => Ok(grant.duration),
        Decision::Deny(denial) => Err((denial.reason, denial.message)),
        Decision::Wait(wait) => panic!("{wait:?}"),
    };
    let default = duration(limited(|rule| {
        rule.allow.limits.default_duration = Some(hour);
    }));
    assert_eq!(default, Ok(hour));
    let max = duration(limited(|rule| rule.allow.limits.max_duration = Some(hour)));
    assert_eq!(max, Ok(hour));
    let allowed = |names: &[&str]| {
        let usages = Usages::parse(names).unwrap();
        Some(AllowedUsages {
            key: usages.key,
            extended: usages.extended.into_iter().collect(),
        })
    };
    for (names, missing) in [
        (&["server auth", "key agreement"][..], None),
        (&["key agreement"], Some("\"server auth\"")),
        (&["server auth"], Some("\"key agreement\"")),
    ] {
        let outcome = duration(limited(|rule| rule.allow.limits.usages = allowed(names)));
        match missing {
            None => assert!(outcome.is_ok(), "{outcome:?}"),
            Some(usage) => {
                let (reason, message) = outcome.unwrap_err();
                assert_eq!(reason, Reason::InvalidUsages);
                assert!(message.contains(usage), "{message}");
            }
        }
    }
    // The key is P-256.
    let rsa = KeyRule::Rsa(KeySizes::at_least(2048));
    let ecdsa = |min, max| KeyRule::Ecdsa(KeySizes { min, max });
    for (keys, is_allowed) in [
        (vec![ecdsa(256, None)], true),
        (vec![ecdsa(256, Some(256))], true),
        (vec![ecdsa(256, Some(384))], true),
        (vec![rsa, ecdsa(256, None)], true),
        (vec![ecdsa(384, None)], false),
        (vec![ecdsa(224, Some(255))], false),
        (vec![rsa, KeyRule::Ed25519], false),
        (Vec::new(), false),
    ] {
        let outcome = duration(limited(|rule| rule.allow.limits.keys = Some(keys.clone())));
        assert_eq!(outcome.is_ok(), is_allowed, "{keys:?}: {outcome:?}");
    }
}

#[test]
fn the_preset_is_not_named_where_it_is_the_only_one() {
    let rule = RuleText::parse("sa:* id=/ns/{namespace}/sa/{serviceAccount}");
    let mut policy = policy("td", std::slice::from_ref(&rule));
    DEFAULT.clone_into(&mut policy.rules[0].name);
    let request = RequestText::parse("sa:shop/web uri=/a").raw();
    let facts = Facts {
        namespaces: &labels(),
        served_trust_domains: &None,
    };
    let request = Request::parse(request).unwrap();
    let Decision::Deny(denial) = decide(&request, Issuer::Ready(&policy), facts) else {
        panic!("granted");
    };
    assert!(
        !denial.message.contains("closest rule"),
        "{}",
        denial.message
    );
}
