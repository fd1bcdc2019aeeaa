//! Values that are rejected, and their messages.

use std::fs;

use serde_json::Value;

use crate::render::{REQUIRED, chart, helm, refusal};

#[test]
fn helm_lint_finds_nothing() {
    for set in [
        &[REQUIRED][..],
        &[REQUIRED, "replicaCount=0", "crds.enabled=false"],
        &[
            REQUIRED,
            "replicaCount=3",
            "metrics.serviceMonitor.enabled=true",
            "metrics.prometheusRule.enabled=true",
            "metrics.dashboard.enabled=true",
            "networkPolicy.enabled=true",
            "rbac.create=false",
        ],
    ] {
        let linted = helm(&["lint", "--strict", chart().to_str().unwrap()], set);
        let output = String::from_utf8_lossy(&linted.stdout);
        assert!(linted.status.success(), "{set:?}: {output}");
    }
}

#[test]
fn without_a_repository_the_message_names_the_value_to_set() {
    let output = refusal(&[]);
    assert!(
        output.contains("image.repository is required: no image is published yet"),
        "{output}"
    );
}

#[test]
fn a_service_account_that_is_not_made_must_be_named() {
    let output = refusal(&[REQUIRED, "serviceAccount.create=false"]);
    assert!(output.contains("set serviceAccount.name"), "{output}");
}

#[test]
fn a_service_monitor_requires_its_service() {
    let output = refusal(&[
        REQUIRED,
        "metrics.serviceMonitor.enabled=true",
        "metrics.service.enabled=false",
    ]);
    assert!(
        output.contains("turn metrics.service.enabled on"),
        "{output}"
    );
}

#[test]
fn the_schema_rejects_typos_and_what_signet_rejects() {
    for (value, word) in [
        ("replicas=2", "replicas"),
        ("image.repo=x", "repo"),
        ("certManager.serviceAccount.nmae=x", "nmae"),
        ("replicaCount=-1", "replicaCount"),
        ("concurrency=0", "concurrency"),
        ("concurrency=1025", "concurrency"),
        ("leaderElection.leaseDuration=15", "leaseDuration"),
        ("shutdownTimeout=20 s", "shutdownTimeout"),
        (
            "keyLimits.maxSignaturesPerSecond=0",
            "maxSignaturesPerSecond",
        ),
        (
            "keyLimits.maxSignaturesInFlight=1025",
            "maxSignaturesInFlight",
        ),
        ("issuerResyncInterval=0s", "issuerResyncInterval"),
        ("approvalEventDelay=5", "approvalEventDelay"),
        ("admissionPolicy.enabled=maybe", "admissionPolicy"),
        ("log.format=xml", "format"),
        ("image.digest=sha256:1234", "digest"),
        ("admin.port=70000", "port"),
    ] {
        let output = refusal(&[REQUIRED, value]);
        assert!(
            output.contains("schema") && output.contains(word),
            "{value}: {output}"
        );
    }
}

/// A PIN itself would be in a ConfigMap, and a wildcard in every namespace.
#[test]
fn the_schema_rejects_a_token_that_signet_rejects() {
    let listed = |more: &[&str]| {
        let module = "pkcs11.modules[0]";
        let mut set = vec![
            REQUIRED.to_owned(),
            format!("{module}.name=hsm"),
            format!("{module}.path=/usr/lib/hsm.so"),
        ];
        set.extend(
            more.iter()
                .map(|field| format!("{module}.tokens[0].{field}")),
        );
        let set: Vec<_> = set.iter().map(String::as_str).collect();
        refusal(&set)
    };
    for (fields, word) in [
        (&[][..], "tokens"),
        (&["name=t", "label=t"], "pin"),
        (&["name=t", "pin.env=PIN"], "label"),
        (&["name=t", "label=t", "pin=1234"], "pin"),
        (&["name=t", "label=t", "pin.value=1234"], "value"),
        (
            &["name=t", "label=t", "pin.env=PIN", "pin.file=/pin"],
            "pin",
        ),
        (&["name=t", "label=t", "pin.file=pin"], "file"),
        (
            &["name=t", "label=t", "pin.env=PIN", "namespaces={*}"],
            "namespaces",
        ),
    ] {
        let output = listed(fields);
        assert!(
            output.contains("schema") && output.contains(word),
            "{fields:?}: {output}"
        );
    }
}

#[test]
fn a_parent_chart_may_pass_its_global_values() {
    let output = helm(
        &["template", "signet", chart().to_str().unwrap()],
        &[REQUIRED, "global.imageRegistry=registry.example.com"],
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Each value has its default and its comment in values.yaml, and its type in the schema.
#[test]
fn schema_and_values_name_the_same() {
    let read = |name: &str| fs::read_to_string(chart().join(name)).unwrap();
    let values: Value = serde_saphyr::from_str(&read("values.yaml")).unwrap();
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    compare("", &values, &schema);
}

fn compare(path: &str, values: &Value, schema: &Value) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    assert_eq!(
        schema["additionalProperties"], false,
        "the schema lets {path}.* pass"
    );
    for name in properties.keys().filter(|name| *name != "global") {
        let value = values
            .get(name)
            .unwrap_or_else(|| panic!("values.yaml lacks {path}.{name}"));
        compare(&format!("{path}.{name}"), value, &properties[name]);
    }
    for name in values.as_object().unwrap().keys() {
        assert!(
            properties.contains_key(name),
            "the schema lacks {path}.{name}"
        );
    }
}

#[test]
fn the_chart_has_the_version_of_the_workspace() {
    let chart = fs::read_to_string(chart().join("Chart.yaml")).unwrap();
    let chart: Value = serde_saphyr::from_str(&chart).unwrap();
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}
