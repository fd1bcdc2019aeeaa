use serde_json::json;

use super::super::decide::{self, Decision, Step};
use super::super::object::ObjectKind::ConfigMap;
use super::super::object::{Content, Found};
use super::super::observe::Selected;
use super::{content, current, foreign, location};

fn selected(name: &str) -> Selected {
    Selected {
        name: name.to_owned(),
        is_terminating: false,
    }
}

fn terminating(name: &str) -> Selected {
    Selected {
        is_terminating: true,
        ..selected(name)
    }
}

fn copy_in(namespace: &str, mut found: Found) -> Found {
    found.namespace = namespace.to_owned();
    found
}

fn decide<'a>(
    selected: &[Selected],
    found: &[Found],
    content: Option<&'a Content>,
) -> Decision<'a> {
    decide::copies(selected, found, content, |it| location(ConfigMap, it))
}

fn steps(decision: &Decision<'_>) -> Vec<(String, &'static str)> {
    let steps = decision.steps.iter();
    let text = |step: &Step<'_>| match step {
        Step::Create(_) => "create",
        Step::Apply(..) => "apply",
        Step::Delete(_) => "delete",
    };
    steps
        .map(|(at, step)| (at.namespace.clone(), text(step)))
        .collect()
}

fn expected(steps: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    let steps = steps.iter().copied();
    steps
        .map(|(namespace, step)| (namespace.to_owned(), step))
        .collect()
}

#[test]
fn copies_are_created_repaired_and_deleted_by_namespace() {
    let content = content();
    let edited = super::found("/data/ca.crt", json!("edited"));
    let found = [
        copy_in("current", current()),
        copy_in("edited", edited),
        copy_in("left", current()),
        copy_in("theirs", foreign()),
        copy_in("elsewhere", foreign()),
    ];
    let selected = ["current", "edited", "new", "theirs"].map(selected);
    let decision = decide(&selected, &found, Some(&content));
    assert_eq!(
        steps(&decision),
        expected(&[("edited", "apply"), ("new", "create"), ("left", "delete")])
    );
    assert_eq!(decision.foreign, [location(ConfigMap, "theirs")]);
    assert_eq!(decision.required, 4);
}

#[test]
fn a_namespace_that_is_being_deleted_is_left_alone() {
    let content = content();
    let found = [copy_in("going", current())];
    let selected = [terminating("going"), terminating("gone")];
    for content in [None, Some(&content)] {
        assert_eq!(decide(&selected, &found, content), Decision::default());
    }
}

#[test]
fn no_copy_is_left_if_nothing_is_trusted() {
    let found = [copy_in("shop", current()), copy_in("theirs", foreign())];
    let decision = decide(&["shop", "theirs"].map(selected), &found, None);
    assert_eq!(steps(&decision), expected(&[("shop", "delete")]));
    assert_eq!(decision.foreign, []);
}

/// A tenant whose quota is used up must not keep others from having a copy.
#[test]
fn steps_that_fail_each_time_do_not_keep_others_from_being_taken() {
    let content = content();
    let namespaces: Vec<_> = (0..10)
        .map(|number| selected(&format!("ns-{number}")))
        .collect();
    let round = |turn| {
        let (steps, left) = decide(&namespaces, &[], Some(&content)).round(3, turn);
        assert_eq!((steps.len(), left), (3, 7));
        steps[0].0.namespace.clone()
    };
    assert_eq!([round(0), round(1), round(19)], ["ns-0", "ns-1", "ns-9"]);
    let (all, left) = decide(&namespaces, &[], Some(&content)).round(10, 7);
    assert_eq!((all.len(), left), (10, 0));
}
