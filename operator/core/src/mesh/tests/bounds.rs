//! What holds of every preset.

use super::*;
use crate::policy::rule::{AllowedNames, Namespaces, Unlisted};

#[test]
fn presets_of_delegates_cap_lifetimes_at_a_day_and_allow_no_ca() {
    let mut count = 0;
    for rule in Preset::ALL.into_iter().flat_map(rules) {
        if delegates(&rule).is_some() {
            assert_eq!(rule.allow.limits.max_duration, Some(DAY), "{}", rule.name);
            assert_eq!(rule.allow.ca, None);
            count += 1;
        }
    }
    assert_eq!(count, 4);
}

/// A holder of a CA certificate gives any name to anyone.
#[test]
fn presets_for_cas_allow_nothing_else_and_name_their_namespaces() {
    for preset in [
        Preset::LinkerdIdentity,
        Preset::SpireUpstream,
        Preset::SpireNested,
    ] {
        let [rule] = &rules(preset)[..] else {
            panic!("{preset} has several rules");
        };
        let named = match &rule.requesters {
            Requesters::ServiceAccounts { namespaces, .. } => namespaces.is_none(),
            Requesters::Certificates(namespaces) => matches!(namespaces, Namespaces::Named(_)),
            _ => false,
        };
        assert!(named, "{preset}");
        assert!(rule.allow.ca.is_some(), "{preset}");
        assert_eq!(rule.allow.names, AllowedNames::default());
        assert_eq!(rule.allow.spiffe_ids.patterns, []);
    }
}

#[test]
fn no_preset_allows_unlisted_names_or_wildcards() {
    for rule in Preset::ALL.into_iter().flat_map(rules) {
        assert_eq!(rule.allow.unlisted, Unlisted::Refused, "{}", rule.name);
        assert!(!rule.allow.wildcards, "{}", rule.name);
        assert_eq!(rule.allow.spiffe_ids.default, None, "{}", rule.name);
    }
}

#[test]
fn names_of_presets_are_distinct() {
    let mut names: Vec<_> = Preset::ALL.iter().map(|preset| preset.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Preset::ALL.len());
}

/// A plain private CA has no SPIFFE IDs to give.
#[test]
fn presets_that_allow_spiffe_ids_need_a_trust_domain() {
    for preset in Preset::ALL {
        let outcome = preset.rules(&PresetContext {
            name: "mesh",
            trust_domain: None,
            replacement: None,
        });
        let works_without = matches!(
            preset,
            Preset::LinkerdIdentity
                | Preset::SpireUpstream
                | Preset::SpireNested
                | Preset::OpenServiceMesh
        );
        match outcome {
            Ok(_) => assert!(works_without, "{preset}"),
            Err(error) => {
                assert_eq!(error, PresetError::NoTrustDomain(preset));
                assert!(!works_without, "{preset}");
            }
        }
    }
}
