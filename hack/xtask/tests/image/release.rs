//! `cargo xtask release`: what users of a version download.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use signet_testbed::controlplane::Toolchain;
use signet_testbed::controlplane::binaries::helm_command;
use signet_testbed::installation::checkout;
use signet_testbed::run;

use crate::image::IMAGE;
use crate::lock::LOCK;
use crate::sign;

#[test]
fn the_set_is_complete_signed_and_can_be_installed() {
    let folder = tempfile::tempdir().unwrap();
    let (key, public) = sign::key(folder.path(), "key");
    let set = folder.path().join("set");
    release(&set, &key);

    let version = env!("CARGO_PKG_VERSION");
    let archive = format!("signet-{version}-amd64-debug.oci.tar");
    let chart = format!("signet-{version}.tgz");
    let crds = format!("signet-crds-{version}.yaml");
    let samples = format!("signet-samples-{version}.tar.gz");
    let expected = [
        archive.clone(),
        format!("signet-{version}-amd64-debug.cdx.json"),
        chart.clone(),
        crds.clone(),
        samples.clone(),
    ];
    let read = |name: &str| fs::read(set.join(name)).unwrap();
    let sums = String::from_utf8(read("SHA256SUMS")).unwrap();
    let listed = sums.lines().map(|line| line.split_once("  ").unwrap().1);
    let listed: BTreeSet<_> = listed.map(str::to_owned).collect();
    assert_eq!(listed, BTreeSet::from(expected));
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--strict", "SHA256SUMS"]);
    run(check.current_dir(&set)).unwrap();
    let signature = String::from_utf8(read("SHA256SUMS.sig")).unwrap();
    assert!(sign::verifies(&public, sums.as_bytes(), &signature));

    let image = fs::read(IMAGE.archive()).unwrap();
    assert!(read(&archive) == image, "another image");
    let packaged = template(&set.join(chart));
    assert_eq!(packaged, template(&checkout().join("charts/signet")));
    check_crds(&String::from_utf8(read(&crds)).unwrap());
    let list = run(Command::new("tar").arg("-tzf").arg(set.join(samples))).unwrap();
    assert!(list.contains("/quickstart.yaml\n"), "{list}");

    // A release replaces the one before, and nothing else.
    release(&set, &key);
    assert_eq!(String::from_utf8(read("SHA256SUMS")).unwrap(), sums);
    let other = tempfile::tempdir().unwrap();
    for folder in [other.path(), &set] {
        fs::write(folder.join("thesis.txt"), "years of work").unwrap();
        let error = run(&mut command(folder, &key)).unwrap_err();
        assert!(error.to_string().contains("is not of a release"), "{error}");
        assert!(folder.join("thesis.txt").exists());
    }
    assert!(set.join("SHA256SUMS").exists());
}

pub(crate) fn release(folder: &Path, key: &Path) {
    let output = run(&mut command(folder, key)).unwrap();
    assert_eq!(output.trim(), folder.to_str().unwrap());
}

fn command(folder: &Path, key: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    // The checkout of a test run may have changes.
    command.args(["release", "--debug", "--allow-dirty", "--lock"]);
    command.arg(&*LOCK);
    command
        .arg("--sign-key")
        .arg(key)
        .arg("--output")
        .arg(folder);
    command
}

/// What Helm makes of a chart, packaged or not.
fn template(chart: &Path) -> String {
    let home = tempfile::tempdir().unwrap();
    let helm = Toolchain::new().unwrap().helm().unwrap();
    let mut helm = helm_command(&helm, home.path());
    helm.args(["template", "signet"]).arg(chart);
    run(helm.args(["--set", "image.repository=registry.example.org/signet"])).unwrap()
}

fn check_crds(text: &str) {
    let objects: Vec<serde_json::Value> = serde_saphyr::from_multiple(text).unwrap();
    let names: BTreeSet<_> = objects
        .iter()
        .map(|crd| crd["metadata"]["name"].as_str().unwrap())
        .collect();
    let expected = ["cagenerations", "clusterissuers", "issuers", "meshcas"];
    let expected = expected.map(|it| format!("{it}.signet.dev"));
    assert!(names.into_iter().eq(expected.iter()), "{text}");
}
