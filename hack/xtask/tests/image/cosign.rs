//! Signatures, verified by cosign itself.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use signet_testbed::controlplane::Toolchain;
use signet_testbed::registry::{PASSWORD, Registry};
use signet_testbed::run;

use crate::crane::Crane;
use crate::image::IMAGE;
use crate::push::{push, push_signed};
use crate::release::release;
use crate::sign;

/// cosign with a key and without a transparency log.
pub(crate) struct Cosign {
    toolchain: Toolchain,
}

impl Cosign {
    pub(crate) fn new(toolchain: Toolchain) -> Self {
        Self { toolchain }
    }

    fn run(&self, command: &str, public: &Path, rest: &mut Command) -> Result<String> {
        let mut cosign = Command::new(self.toolchain.cosign()?);
        cosign.args([command, "--insecure-ignore-tlog=true", "--key"]);
        cosign.arg(public).args(rest.get_args());
        let variables = rest.get_envs();
        cosign.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        run(&mut cosign)
    }

    /// `cosign verify` of a reference in a registry without TLS.
    pub(crate) fn verify(&self, crane: &Crane, public: &Path, reference: &str) -> Result<String> {
        let mut rest = Command::new("rest");
        rest.args(["--allow-http-registry", reference]);
        rest.env("DOCKER_CONFIG", crane.home());
        self.run("verify", public, &mut rest)
    }

    /// `cosign verify-blob` of a file.
    fn verify_blob(&self, public: &Path, signature: &Path, file: &Path) -> Result<String> {
        let mut rest = Command::new("rest");
        rest.arg("--signature").arg(signature).arg(file);
        self.run("verify-blob", public, &mut rest)
    }
}

#[tokio::test]
#[ignore = "builds cosign, which takes minutes; cargo xtask test image-long"]
async fn cosign_accepts_the_image_that_was_signed_and_no_other() {
    let toolchain = Toolchain::new().unwrap();
    let registry = Registry::start(&toolchain).await.unwrap();
    let repository = format!("{}/team/signet", registry.address());
    let folder = tempfile::tempdir().unwrap();
    let (key, public) = sign::key(folder.path(), "key");
    let (_, other) = sign::key(folder.path(), "other");
    let tag = format!("{repository}:{}", env!("CARGO_PKG_VERSION"));
    let crane = Crane::new(toolchain.clone(), &registry);
    let cosign = Cosign::new(toolchain);

    let unsigned = push(&repository, PASSWORD, &[]);
    assert!(unsigned.status.success(), "{unsigned:?}");
    let error = cosign.verify(&crane, &public, &tag).unwrap_err();
    assert!(error.to_string().contains("no signatures found"), "{error}");

    push_signed(&repository, &key);
    let digest = IMAGE.digest();
    let verified = cosign.verify(&crane, &public, &format!("{repository}@{digest}"));
    assert!(verified.unwrap().contains(&digest));
    cosign.verify(&crane, &public, &tag).unwrap();
    let error = cosign.verify(&crane, &other, &tag).unwrap_err();
    assert!(error.to_string().contains("signature"), "{error}");
}

#[test]
#[ignore = "builds cosign, which takes minutes; cargo xtask test image-long"]
fn cosign_accepts_the_checksums_of_a_release() {
    let folder = tempfile::tempdir().unwrap();
    let (key, public) = sign::key(folder.path(), "key");
    let (_, other) = sign::key(folder.path(), "other");
    let set = folder.path().join("set");
    release(&set, &key);
    let cosign = Cosign::new(Toolchain::new().unwrap());
    let (sums, signature) = (set.join("SHA256SUMS"), set.join("SHA256SUMS.sig"));
    cosign.verify_blob(&public, &signature, &sums).unwrap();
    let error = cosign.verify_blob(&other, &signature, &sums).unwrap_err();
    assert!(error.to_string().contains("signature"), "{error}");
}
