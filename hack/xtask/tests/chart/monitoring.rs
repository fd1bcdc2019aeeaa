//! The alerts, shown to fire by Prometheus' own tool, and what scrapes the metrics.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::LazyLock;

use serde_json::{Value, json};
use signet_testbed::controlplane::Toolchain;

use crate::render::{REQUIRED, Rendered, chart, refusal};

const ENABLED: &str = "metrics.prometheusRule.enabled=true";
/// One test for each alert, in promtool's format.
const TESTS: &str = include_str!("alerts.yaml");

static PROMTOOL: LazyLock<PathBuf> =
    LazyLock::new(|| Toolchain::new().unwrap().promtool().unwrap());

/// The rules of the one group.
fn rules(groups: &Value) -> &Vec<Value> {
    assert_eq!(groups.as_array().unwrap().len(), 1);
    groups[0]["rules"].as_array().unwrap()
}

fn rendered(set: &[&str]) -> Vec<Value> {
    let rendered = Rendered::with(&[&[ENABLED], set].concat());
    let spec = &rendered.get("PrometheusRule", "signet")["spec"];
    rules(&spec["groups"]).clone()
}

fn names(rules: &[Value]) -> Vec<&str> {
    rules
        .iter()
        .map(|rule| rule["alert"].as_str().unwrap())
        .collect()
}

fn promtool(folder: &Path, arguments: &[&str]) -> Output {
    let mut promtool = std::process::Command::new(&*PROMTOOL);
    promtool
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Runs promtool's tests with these rules, and returns its output if one fails.
fn test(rules: &[Value]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let mut rules = rules.to_vec();
    for rule in &mut rules {
        let annotations = rule["annotations"].as_object_mut().unwrap();
        annotations.retain(|name, _| name == "summary");
    }
    let groups = json!({ "groups": [{ "name": "signet", "rules": rules }] });
    fs::write(folder.path().join("rules.yaml"), groups.to_string()).unwrap();
    fs::write(folder.path().join("tests.yaml"), TESTS).unwrap();
    for arguments in [
        &["check", "rules", "rules.yaml"][..],
        &["test", "rules", "tests.yaml"],
    ] {
        let output = promtool(folder.path(), arguments);
        if !output.status.success() {
            let text = [output.stdout, output.stderr].concat();
            return Err(String::from_utf8(text).unwrap());
        }
    }
    Ok(())
}

#[test]
fn every_alert_of_the_chart_fires_when_it_should() {
    assert_eq!(test(&rendered(&[])), Ok(()));
}

/// Each alert fires in some test and does not in another, or the test above shows nothing of it.
#[test]
fn every_alert_has_its_tests() {
    let tests: Value = serde_saphyr::from_str(TESTS).unwrap();
    let groups = tests["tests"].as_array().unwrap().iter();
    let tests = groups.flat_map(|it| it["alert_rule_test"].as_array().unwrap());
    let (mut fires, mut is_silent) = (BTreeSet::new(), BTreeSet::new());
    for test in tests {
        let name = test["alertname"].as_str().unwrap();
        let is_expected = test["exp_alerts"]
            .as_array()
            .is_some_and(|it| !it.is_empty());
        if is_expected {
            fires.insert(name);
        } else {
            is_silent.insert(name);
        }
    }
    let rules = rendered(&[]);
    let names: BTreeSet<_> = names(&rules).into_iter().collect();
    assert!(names.len() > 10);
    assert_eq!((&fires, &is_silent), (&names, &names));
}

/// Alerts that never fire fail their tests: those tests have teeth.
#[test]
fn a_broken_alert_fails_its_test() {
    let mut rules = rendered(&[]);
    for rule in &mut rules {
        rule["expr"] = json!("vector(1) > 1");
    }
    let error = test(&rules).unwrap_err();
    for name in names(&rules) {
        assert!(
            error.contains(&format!("alertname: {name},")),
            "{name}: {error}"
        );
    }
}

#[test]
fn alerts_use_metrics_that_exist() {
    let reference = read("docs/reference/metrics.md");
    for rule in rendered(&[]) {
        let expression = rule["expr"].as_str().unwrap();
        let is_name =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        let words = expression.split(|letter| !is_name(letter));
        let metrics: BTreeSet<_> = words.filter(|word| word.starts_with("signet_")).collect();
        assert!(!metrics.is_empty(), "{expression}");
        for metric in metrics {
            let row = format!("| `{}` |", metric.trim_end_matches("_total"));
            assert!(reference.contains(&row), "{metric}");
        }
    }
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap()
}

/// The page has exactly these alerts, with their expressions.
#[test]
fn the_page_lists_the_alerts_of_the_chart() {
    let page = read("docs/operations.md");
    let rules = rendered(&[]);
    for rule in &rules {
        let (name, expression) = (rule["alert"].as_str().unwrap(), &rule["expr"]);
        let expression = expression.as_str().unwrap();
        let held = rule["for"].as_str().unwrap_or("0s");
        let severity = rule["labels"]["severity"].as_str().unwrap();
        let row = format!("| `{expression}` | {held} | {severity} |\n");
        let listed = page
            .lines()
            .find(|line| line.contains(&format!("| `{name}` |")));
        let listed = listed.unwrap_or_else(|| panic!("the page lacks {name}"));
        assert!(format!("{listed}\n").ends_with(&row), "{listed}\n{row}");
    }
    let rows = page.lines().filter(|line| line.starts_with("| `Signet"));
    assert_eq!(rows.count(), rules.len());
}

#[test]
fn alerts_can_be_left_out_added_and_moved() {
    assert!(
        Rendered::with(&[])
            .of_kind("PrometheusRule")
            .next()
            .is_none()
    );
    let all = rendered(&[]);
    let rule = "metrics.prometheusRule";
    let changed = rendered(&[
        &format!("{rule}.disabledAlerts={{SignetOrphans,SignetKeyQueue}}"),
        &format!("{rule}.caExpiryDays=7"),
        &format!("{rule}.additionalRules[0].alert=Own"),
        &format!("{rule}.additionalRules[0].expr=vector(1)"),
    ]);
    let mut expected = names(&all);
    expected.retain(|name| !["SignetOrphans", "SignetKeyQueue"].contains(name));
    expected.push("Own");
    assert_eq!(names(&changed), expected);
    for (rules, days) in [(&all, "< 30 * 86400"), (&changed, "< 7 * 86400")] {
        let mut rules = rules.iter();
        let expires = rules.find(|rule| rule["alert"] == "SignetCaExpires");
        let expression = expires.unwrap()["expr"].as_str().unwrap();
        assert!(expression.ends_with(days), "{expression}");
    }
    let output = refusal(&[REQUIRED, &format!("{rule}.disabledAlerts={{SignetTypo}}")]);
    assert!(output.contains("disabledAlerts"), "{output}");
}

/// The schema knows the names, for `disabledAlerts`, and the file is the one that users without the
/// Prometheus operator load.
#[test]
fn schema_file_and_object_have_the_same_alerts() {
    let read = |name: &str| fs::read_to_string(chart().join(name)).unwrap();
    let file: Value = serde_saphyr::from_str(&read("files/alerts.yaml")).unwrap();
    assert_eq!(rules(&file["groups"]), &rendered(&[]));
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    let known = schema.pointer(
        "/properties/metrics/properties/prometheusRule/properties/disabledAlerts/items/enum",
    );
    assert_eq!(*known.unwrap(), json!(names(&rendered(&[]))));
}

/// Grafana's sidecar finds it by its label. Its queries are evaluated by an end-to-end test.
#[test]
fn the_dashboard_is_a_config_map_for_grafanas_sidecar() {
    let name = "signet-dashboard";
    let absent = Rendered::with(&[]);
    let mut maps = absent.of_kind("ConfigMap");
    assert!(!maps.any(|map| map["metadata"]["name"] == name));
    let value = "metrics.dashboard";
    let rendered = Rendered::with(&[
        &format!("{value}.enabled=true"),
        &format!("{value}.annotations.grafana_folder=Certificates"),
    ]);
    let map = rendered.get("ConfigMap", name);
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    assert_eq!(
        map["metadata"]["annotations"]["grafana_folder"],
        "Certificates"
    );
    let text = map["data"]["signet.json"].as_str().unwrap();
    assert_eq!(
        text.trim_end(),
        read("charts/signet/files/dashboard.json").trim_end()
    );
    let dashboard: Value = serde_json::from_str(text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|it| it["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "panels need their own ids");
    let moved = Rendered::with(&[
        &format!("{value}.enabled=true"),
        &format!("{value}.namespace=monitoring"),
    ]);
    let map = moved.get("ConfigMap", name);
    assert_eq!(map["metadata"]["namespace"], "monitoring");
}

/// A replica that does not get ready is the one whose metrics matter.
#[test]
fn replicas_that_are_not_ready_are_scraped() {
    let rendered = Rendered::with(&[]);
    let service = rendered.get("Service", "signet-metrics");
    assert_eq!(service["spec"]["publishNotReadyAddresses"], true);
}
