//! The chart as a dependency of another chart, which is packaged with it.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::render::{NAMESPACE, REQUIRED, Rendered, chart, helm};

const RELEASE: &str = "platform";

/// Packages a parent chart with one object of its own, and renders the package.
fn template(dependency: &str, set: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let parent = folder.path().join("parent");
    fs::create_dir_all(parent.join("templates")).unwrap();
    let write = |name: &str, text: &str| fs::write(parent.join(name), text).unwrap();
    let metadata = format!(
        "apiVersion: v2\nname: platform\nversion: 1.0.0\ndependencies:\n  - name: signet\n    \
         version: {}\n    repository: file://{}\n    {dependency}\n",
        env!("CARGO_PKG_VERSION"),
        chart().canonicalize().unwrap().display(),
    );
    write("Chart.yaml", &metadata);
    write("values.yaml", "global: {pki: {team: security}}\n");
    write(
        "templates/own.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\n",
    );
    let parent = parent.to_str().unwrap();
    let packages = folder.path().to_str().unwrap();
    for arguments in [
        &["dependency", "build", parent][..],
        &["package", parent, "--destination", packages],
    ] {
        let output = helm(arguments, &[]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
    }
    let package = folder.path().join("platform-1.0.0.tgz");
    let package = package.to_str().unwrap();
    helm(
        &["template", RELEASE, package, "--namespace", NAMESPACE],
        set,
    )
}

fn refusal(dependency: &str, set: &[&str]) -> String {
    let output = template(dependency, set);
    assert!(!output.status.success(), "{set:?} was not rejected");
    String::from_utf8(output.stderr).unwrap()
}

/// The objects in one order, without the parent's own.
fn objects(rendered: &Rendered) -> Vec<String> {
    let of_signet = |object: &&Value| object["metadata"]["name"] != "own";
    let objects = rendered.all().iter().filter(of_signet);
    let mut objects: Vec<_> = objects.map(Value::to_string).collect();
    objects.sort();
    objects
}

#[test]
fn a_condition_of_the_parent_decides_whether_signet_is_there() {
    let required = format!("signet.{REQUIRED}");
    for (condition, value) in [
        ("condition: signet.enabled", "signet.enabled"),
        ("condition: global.pki.enabled", "global.pki.enabled"),
        ("tags: [pki]", "tags.pki"),
    ] {
        let with = |is: bool| {
            let set = [&*required, &format!("{value}={is}")];
            Rendered::of(&template(condition, &set))
        };
        // The parent adds and changes nothing.
        let alone = Rendered::of_release(RELEASE, &[]);
        assert_eq!(objects(&with(true)), objects(&alone), "{condition}");
        let without = with(false);
        assert_eq!(objects(&without), [""; 0], "{condition}");
        without.get("ConfigMap", "own");
    }
}

/// Helm passes the values below the alias, and gives the chart its name.
#[test]
fn a_parent_may_give_signet_another_name_and_set_all_values() {
    let dependency = "alias: ca\n    condition: ca.enabled";
    let set = [
        &*format!("ca.{REQUIRED}"),
        "ca.enabled=true",
        "ca.replicaCount=2",
        "ca.keyLimits.maxSignaturesPerSecond=100000",
        "ca.admin.port=8080",
    ];
    let rendered = Rendered::of(&template(dependency, &set));
    let direct: Vec<_> = set.iter().map(|it| it.replace("ca.", "")).collect();
    let mut direct: Vec<_> = direct.iter().map(String::as_str).collect();
    direct.push("nameOverride=ca");
    let direct = Rendered::of_release(RELEASE, &direct[1..]);
    rendered.get("Deployment", "platform-ca");
    let differs = |object: &String| object.replace("ca-0.", "signet-0.");
    let renamed: Vec<_> = objects(&rendered).iter().map(differs).collect();
    assert_eq!(renamed, objects(&direct));
}

#[test]
fn a_parent_without_a_condition_cannot_disable_signet() {
    let set = [&*format!("signet.{REQUIRED}"), "signet.enabled=false"];
    let output = refusal("", &set);
    assert!(output.contains("condition: signet.enabled"), "{output}");
    let set = [&*format!("ca.{REQUIRED}"), "ca.enabled=false"];
    let output = refusal("alias: ca", &set);
    assert!(output.contains("condition: ca.enabled"), "{output}");
}

#[test]
fn the_schema_rejects_the_typos_of_a_parent() {
    let dependency = "condition: signet.enabled";
    for (value, word) in [
        ("signet.replicas=2", "replicas"),
        ("signet.enabled=maybe", "enabled"),
    ] {
        let output = refusal(dependency, &[&format!("signet.{REQUIRED}"), value]);
        assert!(
            output.contains("schema") && output.contains(word),
            "{value}: {output}"
        );
    }
}
