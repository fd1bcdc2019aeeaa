//! Crates depend on each other in one direction, core ← keys ← api ← operator, and the product on
//! none of its tools.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;
use signet_testbed::{installation, run};

/// The product's crates, each with the crates of ours that it may depend on.
const PRODUCT: [(&str, &[&str]); 4] = [
    ("signet-core", &[]),
    ("signet-keys", &["signet-core"]),
    ("signet-api", &["signet-core", "signet-keys"]),
    ("signet", &["signet-core", "signet-keys", "signet-api"]),
];

/// Tools that do not depend on the product, and the crates whose tests may depend on them.
const FOR_TESTS: [(&str, &str); 4] = [
    ("signet-core", "signet-readers"),
    ("signet-keys", "signet-readers"),
    ("signet-keys", "signet-testbed"),
    ("signet", "signet-readers"),
];

/// What a package never reaches, at any distance; a star stands for the rest of the name. deny.toml
/// has the reasons for the second list, and cannot distinguish tests from the product.
const FORBIDDEN: [(&str, &str); 2] = [
    (
        "signet-core",
        "tokio tokio-* kube kube-* k8s-openapi hyper hyper-* reqwest http aws-sdk-*",
    ),
    ("signet", "ring openssl openssl-sys native-tls rsa"),
];

/// Dependencies that point the wrong way.
pub(super) fn problems(root: &Path) -> Result<Vec<String>> {
    let metadata = cargo("metadata --format-version 1 --no-deps")?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let mut problems = wrong_directions(root, &metadata);
    for (package, patterns) in FORBIDDEN {
        problems.extend(forbidden(package, patterns)?);
    }
    Ok(problems)
}

/// Dev-dependencies count too: a test that needs a crate above it belongs to that crate.
fn wrong_directions(root: &Path, metadata: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let operator = root.join("operator");
    for package in metadata["packages"].as_array().into_iter().flatten() {
        if !Path::new(text(&package["manifest_path"])).starts_with(&operator) {
            continue;
        }
        let name = text(&package["name"]);
        let Some((_, allowed)) = PRODUCT.iter().find(|(product, _)| *product == name) else {
            problems.push(format!(
                "{name} is a new crate of the product; add it to {}",
                file!()
            ));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = text(&dependency["name"]);
            let ours = !dependency["path"].is_null() && on != name;
            let for_tests = dependency["kind"] == "dev" && FOR_TESTS.contains(&(name, on));
            if ours && !allowed.contains(&on) && !for_tests {
                problems.push(format!(
                    "{name} depends on {on}; the direction is core ← keys ← api ← operator"
                ));
            }
        }
    }
    problems
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What a package would be built from that must not be in it. Cargo's tree, and not its metadata,
/// resolves features for one package.
fn forbidden(package: &str, patterns: &str) -> Result<Vec<String>> {
    let tree = "tree --edges normal,build --target all --prefix none --format {p} --package";
    let tree = cargo(&format!("{tree} {package}"))?;
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let matches = |name: &&str| {
        patterns
            .split(' ')
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => *name == pattern,
            })
    };
    let found: BTreeSet<_> = names.filter(matches).collect();
    let problem = |name| {
        format!("{package} reaches {name}; see: cargo tree --package {package} --invert {name}")
    };
    Ok(found.into_iter().map(problem).collect())
}

fn cargo(arguments: &str) -> Result<String> {
    run(installation::cargo().args(arguments.split(' ')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_a_dependency_against_the_direction() {
        let (core, keys) = ("signet-core", "signet-keys");
        for (name, folder, on, kind, problem) in [
            (keys, "operator/keys", core, None, ""),
            (core, "operator/core", keys, None, "depends on signet-keys"),
            ("signet", "operator", "xtask", None, "depends on xtask"),
            (
                "signet-new",
                "operator/new",
                "serde",
                None,
                "is a new crate",
            ),
            ("signet-e2e", "e2e", "signet", None, ""),
            (keys, "operator/keys", "signet-testbed", Some("dev"), ""),
            (
                keys,
                "operator/keys",
                "signet-testbed",
                None,
                "depends on signet-testbed",
            ),
        ] {
            let metadata = json!({ "packages": [{
                "name": name,
                "manifest_path": format!("/r/{folder}/Cargo.toml"),
                "dependencies": [{ "name": on, "path": "/r/x", "kind": kind }],
            }]});
            let problems = wrong_directions(Path::new("/r"), &metadata);
            assert_eq!(problems.is_empty(), problem.is_empty(), "{problems:?}");
            let found = problems.first().map_or("", String::as_str);
            assert!(found.contains(problem), "{found}");
        }
    }

    #[test]
    fn finds_a_forbidden_crate_at_any_distance() {
        let found = forbidden("signet", "hyper-* rsa").unwrap();
        let reaches = |name: &str| found.iter().any(|it| it.starts_with(name));
        assert!(reaches("signet reaches hyper-util;"), "{found:?}");
        assert!(!reaches("signet reaches rsa;"), "{found:?}");
    }
}
