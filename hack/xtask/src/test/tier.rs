//! The tiers, and which test programs belong to each.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Deserialize;

use super::step::Step;

/// A part of `cargo xtask test` that can be run by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Tier {
    /// Format and lints.
    Lint,
    /// The operator without the SDKs of key backends, and with each alone.
    Features,
    /// Bans, licences and sources of dependencies (cargo-deny).
    Deny,
    /// Generated files, crate directions and links.
    Verify,
    /// All tests that need no program but OpenSSL.
    Unit,
    /// The chart, rendered by Helm.
    Chart,
    /// The local control plane by itself.
    Controlplane,
    /// Signet on a control plane.
    E2e,
    /// Key backends on their real servers, by themselves and under Signet on a control plane.
    Keys,
    /// The demo and the samples, as a person would run them.
    Demo,
}

impl Tier {
    /// In the order in which they run.
    pub(crate) const ALL: [Self; 10] = [
        Self::Lint,
        Self::Features,
        Self::Deny,
        Self::Verify,
        Self::Unit,
        Self::Chart,
        Self::Controlplane,
        Self::E2e,
        Self::Keys,
        Self::Demo,
    ];

    /// The tier of an integration test of a package. Those of a package that is not named here
    /// are taken to need nothing.
    fn of_program(package: &str, program: &str) -> Self {
        match (package, program) {
            ("xtask", "demo") => Self::Demo,
            ("xtask", _) => Self::Chart,
            ("signet-testbed", "keyservers")
            | ("signet-keys", BACKENDS)
            | ("signet-e2e", "keys") => Self::Keys,
            ("signet-testbed", _) => Self::Controlplane,
            ("signet-e2e", _) => Self::E2e,
            _ => Self::Unit,
        }
    }
}

/// The suite of key backends. It ends with a table, so it is the last of its tier.
const BACKENDS: &str = "conformance";

/// The steps of the tiers. `arguments` go to their test programs.
pub(super) fn steps(root: &Path, tiers: &[Tier], arguments: &[String]) -> Result<Vec<Step>> {
    let programs = test_programs(root)?;
    let steps = tiers.iter().flat_map(|tier| {
        let programs = programs.get(tier).map_or(&[][..], Vec::as_slice);
        let (last, programs): (Vec<_>, Vec<_>) = programs
            .iter()
            .cloned()
            .partition(|program| *tier == Tier::Keys && program == BACKENDS);
        let tests = test(&programs, *tier, arguments);
        match tier {
            Tier::Lint => vec![
                Step::cargo("format", ["fmt", "--all", "--check"]),
                Step::cargo(
                    "clippy",
                    [
                        "clippy",
                        "--locked",
                        "--workspace",
                        "--all-targets",
                        "--",
                        "-D",
                        "warnings",
                    ],
                ),
            ],
            Tier::Features => vec![Step::cargos("features", without_backends())],
            Tier::Deny => vec![Step::deny()],
            Tier::Verify => vec![Step::verify()],
            Tier::Unit => vec![
                Step::cargos("unit", vec![tests]),
                Step::cargo("doc", ["test", "--workspace", "--doc"]),
            ],
            Tier::Chart => vec![Step::cargos("chart", vec![tests])],
            Tier::Controlplane => vec![Step::cargos("controlplane", vec![programs_first(), tests])],
            Tier::E2e => vec![Step::cargos("e2e", vec![programs_first(), tests])],
            Tier::Keys => vec![
                Step::cargos("keys", vec![programs_first(), tests]),
                Step::cargos("backends", vec![test(&last, *tier, arguments)]),
            ],
            Tier::Demo => vec![Step::cargos("demo", vec![programs_first(), tests])],
        }
    });
    Ok(steps.collect())
}

/// The backends whose SDK is a feature.
const BACKEND_FEATURES: [&str; 3] = ["aws-kms", "pkcs11", "vault"];

/// The operator without any of them, what it then says, and the keys with each alone. Unlike the
/// other steps these are for one package each: what the workspace's own choice of features hides is
/// what they are for.
fn without_backends() -> Vec<Vec<String>> {
    let clippy = |package: &str, features: &str| {
        let command = [
            "clippy",
            "--locked",
            "--package",
            package,
            "--all-targets",
            "--no-default-features",
        ];
        let lints = ["--features", features, "--", "-D", "warnings"];
        command
            .iter()
            .chain(&lints)
            .map(|it| (*it).to_owned())
            .collect()
    };
    let said = [
        "test",
        "--locked",
        "--package",
        "signet-keys",
        "--no-default-features",
        "--lib",
    ];
    let mut commands = vec![
        clippy("signet", ""),
        said.iter().map(|it| (*it).to_owned()).collect(),
    ];
    commands.extend(BACKEND_FEATURES.map(|feature| clippy("signet-keys", feature)));
    commands
}

/// The operator and the keeper of control planes, which tests run as processes. They are built by
/// themselves, so that no test's dependency adds a feature to them.
fn programs_first() -> Vec<String> {
    let build = [
        "build",
        "--package",
        "signet",
        "--package",
        "signet-testbed",
        "--bins",
    ];
    build.map(str::to_owned).to_vec()
}

/// Always for the whole workspace: for one package Cargo would choose other features of what they
/// share, and build all of it once more.
fn test(programs: &[String], tier: Tier, arguments: &[String]) -> Vec<String> {
    let mut command = ["test", "--workspace", "--no-fail-fast"]
        .map(str::to_owned)
        .to_vec();
    if tier == Tier::Unit {
        command.extend(["--lib", "--bins"].map(str::to_owned));
    }
    for program in programs {
        command.extend(["--test".to_owned(), program.clone()]);
    }
    if !arguments.is_empty() {
        command.push("--".to_owned());
        command.extend_from_slice(arguments);
    }
    command
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// The names of the integration tests of each tier, so that none that is added is forgotten.
fn test_programs(root: &Path) -> Result<BTreeMap<Tier, Vec<String>>> {
    let metadata = crate::cargo(root)
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .output()
        .context("cargo cannot be run")?;
    let metadata: Metadata = serde_json::from_slice(&metadata.stdout)
        .with_context(|| String::from_utf8_lossy(&metadata.stderr).into_owned())?;
    let mut programs = BTreeMap::<_, Vec<_>>::new();
    for package in metadata.packages {
        let tests = package.targets.into_iter().filter(|it| it.kind == ["test"]);
        for test in tests {
            let tier = Tier::of_program(&package.name, &test.name);
            programs.entry(tier).or_default().push(test.name);
        }
    }
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tier_of_tests_has_a_test_program() {
        let programs = test_programs(&crate::root().unwrap()).unwrap();
        for (tier, program) in [
            (Tier::Unit, "crds"),
            (Tier::Chart, "chart"),
            (Tier::Controlplane, "controlplane"),
            (Tier::Controlplane, "installation"),
            (Tier::E2e, "e2e"),
            (Tier::Keys, "keys"),
            (Tier::Keys, "keyservers"),
            (Tier::Keys, BACKENDS),
            (Tier::Demo, "demo"),
        ] {
            assert!(
                programs[&tier].iter().any(|name| name == program),
                "{tier:?}: {programs:?}"
            );
        }
        // A name in two tiers would run in both.
        let mut names: Vec<_> = programs.values().flatten().collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "{programs:?}");
    }

    #[test]
    fn the_table_of_the_backends_comes_last() {
        let steps = steps(&crate::root().unwrap(), &[Tier::Keys], &[]).unwrap();
        let names: Vec<_> = steps.iter().map(|step| step.name).collect();
        assert_eq!(names, ["keys", "backends"]);
    }

    #[test]
    fn arguments_go_to_the_test_programs() {
        let command = test(&["e2e".to_owned()], Tier::E2e, &["restart".to_owned()]);
        assert_eq!(
            command.join(" "),
            "test --workspace --no-fail-fast --test e2e -- restart"
        );
    }
}
