//! All objects together: names, namespaces, labels, and what is there when.

use serde_json::Value;

use crate::render::{NAMESPACE, REQUIRED, Rendered, chart, helm};

const EVERYTHING: &[&str] = &[
    "replicaCount=2",
    "metrics.serviceMonitor.enabled=true",
    "metrics.prometheusRule.enabled=true",
    "networkPolicy.enabled=true",
    "commonLabels.team=pki",
    "admissionPolicy.enabled=true",
];

#[test]
fn every_object_has_the_common_labels_and_its_namespace() {
    let rendered = Rendered::with(EVERYTHING);
    assert!(rendered.all().len() > 15);
    for object in rendered.all() {
        let (kind, metadata) = (&object["kind"], &object["metadata"]);
        for (label, value) in [
            ("app.kubernetes.io/name", "signet"),
            ("app.kubernetes.io/instance", "signet"),
            ("app.kubernetes.io/version", env!("CARGO_PKG_VERSION")),
            ("app.kubernetes.io/managed-by", "Helm"),
            ("team", "pki"),
        ] {
            assert_eq!(metadata["labels"][label], value, "{kind} {label}");
        }
        let kind = kind.as_str().unwrap();
        let cluster_wide = [
            "Cluster",
            "CustomResourceDefinition",
            "ValidatingAdmissionPolicy",
        ]
        .iter()
        .any(|prefix| kind.starts_with(prefix));
        let namespace = (!cluster_wide).then_some(NAMESPACE);
        assert_eq!(metadata["namespace"].as_str(), namespace, "{kind}");
        let annotations = metadata["annotations"].as_object().into_iter().flatten();
        let hooks = annotations.filter(|(name, _)| name.starts_with("helm.sh/hook"));
        assert_eq!(
            hooks.count(),
            0,
            "{kind} is a hook, which GitOps tools do not run"
        );
    }
}

#[test]
fn selectors_meet_the_pods() {
    let rendered = Rendered::with(EVERYTHING);
    let pods = &rendered.pod()["metadata"]["labels"];
    let service = rendered.get("Service", "signet-metrics");
    for selector in [
        &rendered.get("Deployment", "signet")["spec"]["selector"]["matchLabels"],
        &rendered.get("PodDisruptionBudget", "signet")["spec"]["selector"]["matchLabels"],
        &rendered.get("NetworkPolicy", "signet")["spec"]["podSelector"]["matchLabels"],
        &service["spec"]["selector"],
    ] {
        assert_selects(selector, pods);
        // A selector never changes, so it must not hold what an upgrade changes.
        assert!(selector.get("app.kubernetes.io/version").is_none());
    }
    let monitor = rendered.get("ServiceMonitor", "signet");
    assert_selects(
        &monitor["spec"]["selector"]["matchLabels"],
        &service["metadata"]["labels"],
    );
    assert_eq!(
        monitor["spec"]["endpoints"][0]["port"],
        service["spec"]["ports"][0]["name"]
    );
}

fn assert_selects(selector: &Value, labels: &Value) {
    let selector = selector.as_object().unwrap();
    assert!(!selector.is_empty());
    for (label, value) in selector {
        assert_eq!(labels[label], *value, "{label}");
    }
}

#[test]
fn the_admission_policies_over_references_are_off_by_default() {
    for kind in [
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ] {
        // The one over who creates PodCertificateRequests is always there.
        let default = Rendered::with(&[]);
        assert_eq!(default.of_kind(kind).count(), 1, "{kind}");
        let with = Rendered::with(&["admissionPolicy.enabled=true"]);
        assert_eq!(with.of_kind(kind).count(), 3, "{kind}");
    }
}

#[test]
fn what_depends_on_a_value_is_there_only_with_it() {
    for (kind, without, with) in [
        (
            "ServiceMonitor",
            &[][..],
            &["metrics.serviceMonitor.enabled=true"][..],
        ),
        (
            "PrometheusRule",
            &[],
            &["metrics.prometheusRule.enabled=true"],
        ),
        ("NetworkPolicy", &[], &["networkPolicy.enabled=true"]),
        ("Service", &["metrics.service.enabled=false"], &[]),
        ("PodDisruptionBudget", &[], &["replicaCount=2"]),
        (
            "PodDisruptionBudget",
            &["replicaCount=2", "podDisruptionBudget.enabled=false"],
            &["replicaCount=2"],
        ),
        (
            "ServiceAccount",
            &["serviceAccount.create=false", "serviceAccount.name=own"],
            &[],
        ),
    ] {
        assert_eq!(
            Rendered::with(without).of_kind(kind).count(),
            0,
            "{kind} with {without:?}"
        );
        assert_eq!(
            Rendered::with(with).of_kind(kind).count(),
            1,
            "{kind} with {with:?}"
        );
    }
}

#[test]
fn an_existing_service_account_gets_the_permissions() {
    let rendered = Rendered::with(&["serviceAccount.create=false", "serviceAccount.name=own"]);
    assert_eq!(rendered.pod()["spec"]["serviceAccountName"], "own");
    let binding = rendered.get("ClusterRoleBinding", "signet");
    assert_eq!(binding["subjects"][0]["name"], "own");
}

#[test]
fn names_follow_the_release_unless_overridden() {
    for (release, set, name) in [
        ("signet", &[][..], "signet"),
        ("prod", &[], "prod-signet"),
        ("prod", &["nameOverride=ca"], "prod-ca"),
        ("prod", &["fullnameOverride=ca"], "ca"),
    ] {
        let rendered = Rendered::of_release(release, set);
        rendered.get("Deployment", name);
        rendered.get("ClusterRole", name);
        rendered.get("ServiceAccount", name);
    }
}

/// A GitOps tool renders again and again and compares.
#[test]
fn renders_the_same_twice() {
    assert_eq!(
        Rendered::with(EVERYTHING).all(),
        Rendered::with(EVERYTHING).all()
    );
}

/// Kubernetes has such names, and YAML reads them as numbers and booleans.
#[test]
fn names_may_look_like_numbers() {
    let chart = chart();
    let resources = "--set-string=clusterResourceNamespace=789,priorityClassName=true";
    let output = helm(
        &[
            "template",
            "123",
            chart.to_str().unwrap(),
            "--namespace=456",
            resources,
            "--set-string=fullnameOverride=1e3,nameOverride=7",
        ],
        &[REQUIRED],
    );
    let rendered = Rendered::of(&output);
    for object in rendered.all() {
        let metadata = &object["metadata"];
        assert!(metadata["name"].is_string(), "{metadata}");
        assert!(
            metadata["namespace"].is_null() || metadata["namespace"].is_string(),
            "{metadata}"
        );
        let mut labels = metadata["labels"].as_object().into_iter().flatten();
        assert!(labels.all(|(_, value)| value.is_string()), "{metadata}");
        for subject in object["subjects"].as_array().into_iter().flatten() {
            assert!(subject["namespace"].is_string(), "{subject}");
            assert!(subject["name"].is_string(), "{subject}");
        }
    }
    let pod = rendered.pod();
    assert_eq!(pod["spec"]["priorityClassName"], "true");
    assert_eq!(pod["spec"]["serviceAccountName"], "1e3");
}

/// Helm allows names of 53 characters for releases, and the API server 63 for Services.
#[test]
fn the_longest_name_of_a_release_is_not_too_long() {
    let release = "a".repeat(53);
    for set in [
        &[][..],
        &["fullnameOverride=a-name-of-63-characters-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
    ] {
        let rendered = Rendered::of_release(&release, set);
        for service in rendered.of_kind("Service") {
            let name = service["metadata"]["name"].as_str().unwrap();
            assert!(name.len() <= 63, "{name}");
        }
        assert_eq!(rendered.of_kind("Service").count(), 1);
    }
}
