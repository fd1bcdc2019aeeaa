use serde_json::json;
use signet_api::{IssuerSpec, LabelSelector, PolicyRule, PolicySpec, RequesterNamespaces};
use signet_core::mesh::{Preset, PresetContext};
use signet_core::policy::rule::{Agent, Namespaces, Requesters, Rule};
use signet_core::spiffe::TrustDomain;

use crate::policy::rules;

fn spec(rule: PolicyRule) -> IssuerSpec {
    let spec = json!({ "key": { "software": { "secretName": "ca" } }, "certificate": { "selfSigned": {} } });
    IssuerSpec {
        policy: Some(PolicySpec { rules: vec![rule] }),
        ..serde_json::from_value(spec).unwrap()
    }
}

/// Lists a namespace by name, since a spec may not select those of such a rule by label.
fn listed(mut rule: PolicyRule) -> PolicyRule {
    let requesters = rule.requesters.as_mut().unwrap();
    if let Some(delegates) = &mut requesters.delegates {
        assert_eq!(
            delegates.act_for.namespace_selector,
            Some(LabelSelector::default())
        );
        delegates.act_for = RequesterNamespaces {
            namespaces: vec!["shop".to_owned()],
            namespace_selector: None,
        };
    }
    rule
}

fn expected(mut rule: Rule) -> Rule {
    if let Requesters::Delegates(delegates) = &mut rule.requesters {
        delegates.act_for = Namespaces::Named(["shop".to_owned()].into());
        // Only presets have it.
        delegates.unread = None;
        // None stands for those of the agents.
        if delegates.request_in.is_empty() {
            let agents = delegates.agents.iter().filter_map(|agent| match agent {
                Agent::ServiceAccount(account) => Some(account.namespace.clone()),
                Agent::User(_) | Agent::Group(_) => None,
            });
            delegates.request_in = agents.collect();
        }
    }
    rule
}

/// What is printed is what is in force: a copy in a spec is read as the same rule.
#[test]
fn the_printed_rules_of_presets_are_read_as_the_same_rules() {
    let trust_domain = TrustDomain::parse("example.org").unwrap();
    for preset in Preset::ALL {
        let of_preset = preset.rules(&PresetContext {
            name: "mesh",
            trust_domain: Some(&trust_domain),
            replacement: None,
        });
        for rule in of_preset.unwrap() {
            let printed = listed(PolicyRule::print(&rule));
            let read = rules(&spec(printed), Some(&trust_domain)).unwrap();
            assert_eq!(read, [expected(rule)], "{preset}");
        }
    }
}
