//! Who depends on whom: core ← keys ← api ← operator, and nothing of the product on its tools.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The product's crates, each with the crates of ours that it may depend on.
const PRODUCT: [(&str, &[&str]); 4] = [
    ("signet-core", &[]),
    ("signet-keys", &["signet-core"]),
    ("signet-api", &["signet-core", "signet-keys"]),
    ("signet", &["signet-core", "signet-keys", "signet-api"]),
];

/// The real servers that a crate's tests run against: tools which know nothing of the product.
const TEST_SERVERS: (&str, &str) = ("signet-keys", "signet-testbed");

/// What core never reaches, however far away; a trailing star stands for the rest of the name.
const NOT_IN_CORE: &[&str] = &[
    "tokio",
    "tokio-*",
    "kube",
    "kube-*",
    "k8s-openapi",
    "hyper",
    "hyper-*",
    "reqwest",
    "http",
    "aws-sdk-*",
];

/// What no part of the product reaches. deny.toml says why, and cannot tell tests from product.
const NOT_IN_PRODUCT: &[&str] = &["ring", "openssl", "openssl-sys", "native-tls", "rsa"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// Only those of the workspace have one.
    path: Option<String>,
    /// None for an ordinary one.
    kind: Option<String>,
}

/// Dependencies that point the wrong way.
pub(super) fn problems(root: &Path) -> Result<Vec<String>> {
    let metadata = cargo(root, &["metadata", "--format-version", "1", "--no-deps"])?;
    let metadata: Metadata = serde_json::from_str(&metadata)?;
    let mut problems = wrong_directions(root, &metadata);
    problems.extend(forbidden(root, "signet-core", NOT_IN_CORE)?);
    problems.extend(forbidden(root, "signet", NOT_IN_PRODUCT)?);
    Ok(problems)
}

/// Dev-dependencies count too: a test that needs a crate above it belongs to that crate.
fn wrong_directions(root: &Path, metadata: &Metadata) -> Vec<String> {
    let mut problems = Vec::new();
    let operator = root.join("operator");
    for package in &metadata.packages {
        if !Path::new(&package.manifest_path).starts_with(&operator) {
            continue;
        }
        let name = package.name.as_str();
        let Some((_, allowed)) = PRODUCT.iter().find(|(product, _)| *product == name) else {
            problems.push(format!("{name} is a new crate of the product; give it its place in hack/xtask/src/verify/directions.rs"));
            continue;
        };
        let ours = package
            .dependencies
            .iter()
            .filter(|it| it.path.is_some() && it.name != name);
        problems.extend(
            ours.filter(|it| !allowed.contains(&it.name.as_str()) && !is_test_server(name, it))
                .map(|it| {
                    format!(
                        "{name} depends on {}; the direction is core ← keys ← api ← operator",
                        it.name
                    )
                }),
        );
    }
    problems
}

fn is_test_server(package: &str, dependency: &Dependency) -> bool {
    dependency.kind.as_deref() == Some("dev") && (package, dependency.name.as_str()) == TEST_SERVERS
}

/// What a package would be built from that must not be in it. Cargo's tree, and not its metadata,
/// resolves features for this package alone.
fn forbidden(root: &Path, package: &str, names: &[&str]) -> Result<Vec<String>> {
    let arguments = [
        "tree",
        "--package",
        package,
        "--edges",
        "normal,build",
        "--target",
        "all",
    ];
    let tree = cargo(
        root,
        &[&arguments[..], &["--prefix", "none", "--format", "{p}"]].concat(),
    )?;
    let mut found: Vec<_> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| names.iter().any(|pattern| matches(pattern, name)))
        .collect();
    found.sort_unstable();
    found.dedup();
    Ok(found
        .into_iter()
        .map(|name| {
            format!("{package} reaches {name}; see: cargo tree --package {package} --invert {name}")
        })
        .collect())
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String> {
    let output = crate::cargo(root)
        .args(arguments)
        .output()
        .context("cargo cannot be run")?;
    ensure!(
        output.status.success(),
        "cargo {} failed:\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, folder: &str, dependencies: &[&str]) -> Package {
        let dependency = |name: &&str| Dependency {
            name: (*name).to_owned(),
            path: Some("p".to_owned()),
            kind: None,
        };
        Package {
            name: name.to_owned(),
            manifest_path: format!("/r/{folder}/Cargo.toml"),
            dependencies: dependencies.iter().map(dependency).collect(),
        }
    }

    #[test]
    fn a_dependency_against_the_direction_is_found() {
        for (name, folder, dependencies, expected) in [
            ("signet-keys", "operator/keys", &["signet-core"][..], None),
            (
                "signet-core",
                "operator/core",
                &["signet-keys"],
                Some("signet-core depends on signet-keys"),
            ),
            (
                "signet",
                "operator",
                &["signet-testbed"],
                Some("signet depends on signet-testbed"),
            ),
            (
                "signet-new",
                "operator/new",
                &[],
                Some("signet-new is a new crate"),
            ),
            ("signet-e2e", "e2e", &["signet", "signet-testbed"], None),
        ] {
            let metadata = Metadata {
                packages: vec![package(name, folder, dependencies)],
            };
            let problems = wrong_directions(Path::new("/r"), &metadata);
            let found = problems.first().map(String::as_str);
            assert_eq!(found.is_some(), expected.is_some(), "{name}: {found:?}");
            assert!(
                found
                    .unwrap_or_default()
                    .starts_with(expected.unwrap_or_default()),
                "{found:?}"
            );
        }
    }

    #[test]
    fn the_testbed_is_for_tests_of_the_keys_only() {
        let problems = |name: &str, folder: &str, kind: Option<&str>| {
            let mut package = package(name, folder, &["signet-testbed"]);
            package.dependencies[0].kind = kind.map(str::to_owned);
            let packages = vec![package];
            wrong_directions(Path::new("/r"), &Metadata { packages }).len()
        };
        assert_eq!(problems("signet-keys", "operator/keys", Some("dev")), 0);
        assert_eq!(problems("signet-keys", "operator/keys", None), 1);
        assert_eq!(problems("signet-core", "operator/core", Some("dev")), 1);
    }

    #[test]
    fn a_forbidden_crate_is_found_at_any_distance() {
        let root = crate::root().unwrap();
        let found = forbidden(&root, "signet", &["hyper-*", "rsa"]).unwrap();
        assert!(
            found
                .iter()
                .any(|it| it.starts_with("signet reaches hyper-util;")),
            "{found:?}"
        );
        assert!(
            !found.iter().any(|it| it.contains("reaches rsa")),
            "{found:?}"
        );
    }
}
