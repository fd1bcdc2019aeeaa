//! Pushing to a real registry, read back by crane.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use signet_testbed::controlplane::Toolchain;
use signet_testbed::registry::{PASSWORD, Registry, USERNAME};
use signet_testbed::run;

use crate::crane::Crane;
use crate::image::{IMAGE, Image};
use crate::lock::LOCK;
use crate::sign;

/// `cargo xtask image --push`, with a password.
pub(crate) fn push(reference: &str, password: &str, arguments: &[&str]) -> Output {
    let output = tempfile::tempdir().unwrap();
    let mut command = Image::command(output.path());
    command
        .arg("--lock")
        .arg(&*LOCK)
        .args(["--push", reference]);
    command.args(arguments);
    command.env("REGISTRY_USERNAME", USERNAME);
    command.env("REGISTRY_PASSWORD", password);
    command.output().unwrap()
}

/// The same with a signature by this key, which succeeds.
pub(crate) fn push_signed(reference: &str, key: &Path) {
    let arguments = ["--sign-key", key.to_str().unwrap()];
    let pushed = push(reference, PASSWORD, &arguments);
    let error = String::from_utf8(pushed.stderr).unwrap();
    assert!(pushed.status.success(), "{error}");
}

#[tokio::test]
async fn another_client_reads_what_was_pushed() {
    let toolchain = Toolchain::new().unwrap();
    let registry = Registry::start(&toolchain).await.unwrap();
    let repository = format!("{}/team/signet", registry.address());
    let refused = push(&repository, "guess", &[]);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success(), "pushed without a login");
    assert!(error.contains("cannot push to"), "{error}");

    // The second time, all is there.
    for _ in 0..2 {
        let pushed = push(&repository, PASSWORD, &[]);
        let error = String::from_utf8(pushed.stderr).unwrap();
        assert!(pushed.status.success(), "{error}");
    }
    let crane = Crane::new(toolchain, &registry);
    let reference = format!("{repository}:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(crane.run(&["digest", &reference]).trim(), IMAGE.digest());
    // It reads every layer and compares it with its digests.
    crane.run(&["validate", "--remote", &reference]);
    assert_eq!(crane.json(&["manifest", &reference]), IMAGE.manifest());
    assert_eq!(crane.json(&["config", &reference]), IMAGE.configuration());
    let tar = crane.home().join("root.tar");
    crane.run(&["export", &reference, tar.to_str().unwrap()]);
    assert_eq!(unpacked(&tar), packed());
}

/// In the form that every cosign reads: a tag made of the digest.
#[tokio::test]
async fn a_signature_is_beside_the_image() {
    let toolchain = Toolchain::new().unwrap();
    let registry = Registry::start(&toolchain).await.unwrap();
    let repository = format!("{}/team/signet", registry.address());
    let folder = tempfile::tempdir().unwrap();
    let (key, public) = sign::key(folder.path(), "key");
    let (other_key, other) = sign::key(folder.path(), "other");
    push_signed(&repository, &key);

    let crane = Crane::new(toolchain, &registry);
    let digest = IMAGE.digest();
    let reference = format!("{repository}:{}.sig", digest.replace(':', "-"));
    let expected = (repository.as_str(), digest.as_str());
    let check = |keys: &[[&Path; 2]]| {
        let manifest = crane.json(&["manifest", &reference]);
        let config = crane.json(&["config", &reference]);
        let layers = manifest["layers"].as_array().unwrap();
        assert_eq!(layers.len(), keys.len());
        for (index, keys) in keys.iter().enumerate() {
            let payload = layers[index]["digest"].as_str().unwrap();
            let payload = crane.run(&["blob", &format!("{repository}@{payload}")]);
            sign::check(&layers[index], &payload, expected, *keys);
            assert_eq!(config["rootfs"]["diff_ids"][index], layers[index]["digest"]);
        }
    };
    check(&[[&public, &other]]);
    // Another signature is added to it, once.
    for _ in 0..2 {
        push_signed(&repository, &other_key);
    }
    check(&[[&public, &other], [&other, &public]]);
}

/// The operator's bytes in an archive of a root file system.
fn unpacked(tar: &Path) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("tar");
    command.arg("-xf").arg(tar).arg("-C").arg(folder.path());
    run(command.arg("usr/bin/signet")).unwrap();
    fs::read(folder.path().join("usr/bin/signet")).unwrap()
}

fn packed() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    IMAGE.unpack(folder.path());
    fs::read(folder.path().join("usr/bin/signet")).unwrap()
}
