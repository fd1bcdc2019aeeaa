use serde_json::json;

use super::super::decide::{self, Decision, Step};
use super::super::demand::OwnDemand::{self, Nothing, Object, WhatExists};
use super::super::object::ObjectKind::{ConfigMap, Secret};
use super::super::object::{Content, Found};
use super::super::observe::Own;
use super::{content, current, foreign, found, location};

fn exists(config_map: Option<Found>, secret: Option<Found>) -> Own {
    Own { config_map, secret }
}

fn decide<'a>(demand: OwnDemand, own: &Own, content: Option<&'a Content>) -> Decision<'a> {
    decide::own(demand, own, content, |kind| location(kind, "signet-system"))
}

fn steps(decision: &Decision<'_>) -> Vec<String> {
    let steps = decision.steps.iter();
    let text = |step: &Step<'_>| match step {
        Step::Create(_) => "create".to_owned(),
        Step::Apply(_, version) => format!("apply {}", version.uid),
        Step::Delete(version) => format!("delete {}", version.uid),
    };
    steps
        .map(|(at, step)| format!("{} {}", text(step), at.kind))
        .collect()
}

#[test]
fn what_is_missing_is_created_and_what_was_edited_is_applied() {
    let content = content();
    let edited = found("/data/ca.crt", json!("edited"));
    for (map, expected) in [
        (None, &["create ConfigMap"][..]),
        (Some(edited), &["apply map-1 ConfigMap"]),
        (Some(current()), &[]),
    ] {
        let own = exists(map, None);
        let decision = decide(Object(ConfigMap), &own, Some(&content));
        assert_eq!(steps(&decision), expected);
        assert_eq!(decision.current.len(), usize::from(expected.is_empty()));
        assert_eq!(decision.required, 1);
    }
}

/// A ConfigMap that another client has created, before Signet or instead of it.
#[test]
fn a_foreign_object_is_reported_and_neither_changed_nor_deleted() {
    let content = content();
    let own = exists(Some(foreign()), Some(foreign()));
    let decision = decide(Object(ConfigMap), &own, Some(&content));
    assert_eq!(steps(&decision), [""; 0]);
    assert_eq!(decision.foreign, [location(ConfigMap, "signet-system")]);
    for demand in [Nothing, WhatExists] {
        for content in [None, Some(&content)] {
            assert_eq!(decide(demand, &own, content), Decision::default());
        }
    }
}

#[test]
fn another_kind_is_written_before_the_one_before_is_deleted() {
    let content = content();
    let own = exists(Some(current()), None);
    let decision = decide(Object(Secret), &own, Some(&content));
    assert_eq!(
        steps(&decision),
        ["create Secret", "delete map-1 ConfigMap"]
    );
}

#[test]
fn nothing_is_left_if_nothing_is_trusted_or_the_spec_asks_for_nothing() {
    let content = content();
    let own = exists(Some(current()), None);
    for (demand, content) in [
        (Object(ConfigMap), None),
        (WhatExists, None),
        (Nothing, None),
        (Nothing, Some(&content)),
    ] {
        assert_eq!(
            steps(&decide(demand, &own, content)),
            ["delete map-1 ConfigMap"]
        );
    }
}

/// The chart value was on once, and consumers read the object still.
#[test]
fn what_exists_is_kept_up_to_date_although_it_is_not_asked_for() {
    let content = content();
    let old = found("/data/ca.crt", json!("old"));
    let own = exists(None, Some(old));
    let decision = decide(WhatExists, &own, Some(&content));
    assert_eq!(steps(&decision), ["apply map-1 Secret"]);
    let decision = decide(WhatExists, &Own::default(), Some(&content));
    assert_eq!(decision, Decision::default());
}
