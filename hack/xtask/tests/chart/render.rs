//! Helm, and what it makes of the chart.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;
use signet_testbed::controlplane::Toolchain;
use signet_testbed::controlplane::binaries::helm_command;

/// The least that has to be set.
pub(crate) const REQUIRED: &str = "image.repository=registry.example.com/signet";
/// Where the chart is installed in these tests, which is not where its defaults would have it.
pub(crate) const NAMESPACE: &str = "pki";

static HELM: LazyLock<PathBuf> = LazyLock::new(|| Toolchain::new().unwrap().helm().unwrap());

pub(crate) fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/signet")
}

/// Runs Helm with the values that are set.
pub(crate) fn helm(arguments: &[&str], set: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut command: Command = helm_command(&HELM, home.path());
    command.args(arguments);
    for value in set {
        command.args(["--set", value]);
    }
    command.output().unwrap()
}

/// Helm's error for values that are rejected.
pub(crate) fn refusal(set: &[&str]) -> String {
    let output = template("signet", set);
    assert!(!output.status.success(), "{set:?} was not rejected");
    String::from_utf8(output.stderr).unwrap()
}

fn template(release: &str, set: &[&str]) -> Output {
    let chart = chart();
    helm(
        &[
            "template",
            release,
            chart.to_str().unwrap(),
            "--namespace",
            NAMESPACE,
        ],
        set,
    )
}

/// The objects of a release.
pub(crate) struct Rendered(Vec<Value>);

impl Rendered {
    /// Of the release `signet`, with the required values and these.
    pub(crate) fn with(set: &[&str]) -> Self {
        Self::of_release("signet", set)
    }

    pub(crate) fn of_release(release: &str, set: &[&str]) -> Self {
        Self::of(&template(release, &[&[REQUIRED], set].concat()))
    }

    /// What `helm template` printed.
    #[track_caller]
    pub(crate) fn of(output: &Output) -> Self {
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
        let yaml = std::str::from_utf8(&output.stdout).unwrap();
        let objects: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
        Self(
            objects
                .into_iter()
                .filter(|object| !object.is_null())
                .collect(),
        )
    }

    /// Of the release `signet`, with the required values and a file of values.
    pub(crate) fn with_values(values: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("values.json");
        std::fs::write(&file, values.to_string()).unwrap();
        let chart = chart();
        let arguments = ["template", "signet", chart.to_str().unwrap()];
        let more = ["--namespace", NAMESPACE, "--values", file.to_str().unwrap()];
        Self::of(&helm(&[&arguments[..], &more].concat(), &[REQUIRED]))
    }

    pub(crate) fn all(&self) -> &[Value] {
        &self.0
    }

    pub(crate) fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |object| object["kind"] == kind)
    }

    pub(crate) fn get(&self, kind: &str, name: &str) -> &Value {
        self.0
            .iter()
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
            .unwrap_or_else(|| panic!("{kind} {name} is missing"))
    }

    /// The pod template of the one Deployment.
    pub(crate) fn pod(&self) -> &Value {
        let deployments: Vec<_> = self.of_kind("Deployment").collect();
        assert_eq!(deployments.len(), 1);
        &deployments[0]["spec"]["template"]
    }

    /// That the pod template has these values, by their JSON pointers.
    #[track_caller]
    pub(crate) fn assert_pod(&self, expected: &[(&str, Value)]) {
        for (pointer, value) in expected {
            assert_eq!(self.pod().pointer(pointer), Some(value), "{pointer}");
        }
    }

    pub(crate) fn container(&self) -> &Value {
        let containers = self.pod()["spec"]["containers"].as_array().unwrap();
        assert_eq!(containers.len(), 1);
        &containers[0]
    }
}

/// The strings of a list.
pub(crate) fn strings(list: &Value) -> Vec<&str> {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|item| item.as_str().unwrap())
        .collect()
}
