use serde_json::json;
use signet_api::conditions::BUNDLE_PUBLISHED;

use super::super::object::ObjectKind::{ConfigMap, Secret};
use super::super::problem::Problem;
use super::super::report::{CopiesReport, OwnReport, Report};
use super::location;
use crate::fixtures::{HOUR, NOW, at};

fn published() -> Report {
    Report {
        own: OwnReport {
            current: vec![location(ConfigMap, "signet-system")],
            ..OwnReport::default()
        },
        copies: Some(CopiesReport::default()),
    }
}

fn failed(problem: Problem) -> Report {
    Report {
        own: OwnReport::failed(problem),
        ..Report::default()
    }
}

fn forbidden() -> kube::Error {
    let message = "configmaps is forbidden: User \"system:serviceaccount:signet-system:signet\" \
                   cannot create resource \"configmaps\" in API group \"\" in the namespace \"shop\"";
    refused(message)
}

fn refused(message: &str) -> kube::Error {
    let status = json!({
        "status": "Failure", "code": 403, "reason": "Forbidden", "message": message,
    });
    kube::Error::Api(serde_json::from_value(status).unwrap())
}

#[track_caller]
fn assert_condition(report: &Report, status: &str, reason: &str, message: &str) {
    let condition = report.condition(&[], Some(7), NOW).unwrap();
    assert_eq!(condition.type_, BUNDLE_PUBLISHED);
    assert_eq!(
        (&*condition.status, &*condition.reason, &*condition.message),
        (status, reason, message)
    );
    assert_eq!(condition.observed_generation, Some(7));
}

#[test]
fn without_an_object_there_is_no_condition() {
    assert_eq!(Report::default().condition(&[], None, NOW), None);
    assert_eq!(Report::default().event(&[]), None);
}

#[test]
fn a_published_bundle_names_its_object_and_counts_its_copies() {
    let mut report = published();
    let message = "The bundle is in the ConfigMap signet-system/clusterissuer-corp-bundle";
    assert_condition(&report, "True", "Published", message);
    report.copies.as_mut().unwrap().required = 12;
    let message = format!("{message}; copies: 12");
    assert_condition(&report, "True", "Published", &message);
}

/// A tenant can make a copy in its namespace fail.
#[test]
fn copies_that_fail_are_named_and_change_no_status() {
    let mut report = published();
    let namespaces = ["a", "b", "c", "d"].map(|namespace| location(ConfigMap, namespace));
    report.copies = Some(CopiesReport {
        required: 40,
        problems: namespaces.iter().map(Problem::foreign).collect(),
        left: 2,
    });
    let problem = |namespace| {
        format!(
            "the ConfigMap {namespace}/clusterissuer-corp-bundle exists, and Signet did not create \
             it for this issuer; delete it or rename it"
        )
    };
    let message = format!(
        "The bundle is in the ConfigMap signet-system/clusterissuer-corp-bundle; copies that are not \
         up to date: 6 ({}; {}; {}; and 3 more)",
        problem("a"),
        problem("b"),
        problem("c")
    );
    assert_condition(&report, "True", "CopiesIncomplete", &message);
    assert_eq!(report.is_published(), Some(true));
}

#[test]
fn a_missing_permission_is_named_with_what_grants_it() {
    for (at, message) in [
        (
            location(ConfigMap, "shop"),
            "Signet may not create configmaps in the namespace shop; set the chart value \
             bundles.allNamespaces, or allow it to create, patch and delete configmaps with a Role \
             there",
        ),
        (
            location(Secret, "signet-system"),
            "Signet may not create secrets in the namespace signet-system; set the chart value \
             bundles.secrets, or allow it to create, patch and delete secrets with a Role there",
        ),
        (
            location(Secret, "shop"),
            "Signet may not create secrets in the namespace shop; allow it to create, patch and \
             delete secrets with a Role there",
        ),
    ] {
        let report = failed(Problem::write(&at, "create", &forbidden()));
        assert_condition(&report, "False", "PermissionMissing", message);
        assert_eq!(report.is_published(), Some(false));
    }
    let report = failed(Problem::list("namespaces", &forbidden()));
    let message = "Signet may not list namespaces in all namespaces; set the chart value \
                   bundles.allNamespaces";
    assert_condition(&report, "False", "PermissionMissing", message);
}

/// They have the code of a missing permission, and no Role helps.
#[test]
fn a_quota_is_not_a_missing_permission() {
    let error = refused("configmaps \"x\" is forbidden: exceeded quota: maps");
    let report = failed(Problem::write(
        &location(ConfigMap, "shop"),
        "create",
        &error,
    ));
    let message = "cannot create the ConfigMap shop/clusterissuer-corp-bundle: configmaps \"x\" is \
                   forbidden: exceeded quota: maps";
    assert_condition(&report, "False", "WriteFailed", message);
}

#[test]
fn the_transition_time_moves_only_with_the_status() {
    let before = [published().condition(&[], None, NOW).unwrap()];
    let later = |report: &Report| report.condition(&before, None, at(HOUR)).unwrap();
    assert_eq!(later(&published()).last_transition_time.0, NOW);
    let failed = failed(Problem::too_large(20_000));
    assert_eq!(later(&failed).last_transition_time.0, at(HOUR));
}

#[test]
fn an_event_reports_a_problem_once_and_its_end() {
    let failed = failed(Problem::too_large(20_000));
    assert_eq!(published().event(&[]), None, "the first time");
    let event = failed.event(&[]).unwrap();
    assert!(event.warning);
    assert_eq!(event.reason, "BundleTooLarge");
    let before = [failed.condition(&[], None, NOW).unwrap()];
    assert_eq!(failed.event(&before), None);
    let event = published().event(&before).unwrap();
    assert_eq!((event.warning, event.reason), (false, "Published"));
}
