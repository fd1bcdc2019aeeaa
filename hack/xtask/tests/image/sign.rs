//! Signatures as cosign expects them, checked by OpenSSL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use signet_testbed::run;

/// A P-256 key in PKCS#8 that OpenSSL made, and the file of its public key.
pub(crate) fn key(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (private, public) = (folder.join(name), folder.join(format!("{name}.pub")));
    let mut openssl = Command::new("openssl");
    openssl
        .args(["genpkey", "-algorithm", "EC", "-out"])
        .arg(&private);
    run(openssl.args(["-pkeyopt", "ec_paramgen_curve:P-256"])).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["pkey", "-pubout", "-in"]).arg(&private);
    run(openssl.arg("-out").arg(&public)).unwrap();
    (private, public)
}

/// Whether OpenSSL accepts a signature in base64.
pub(crate) fn verifies(public: &Path, bytes: &[u8], signature: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("signature"));
    fs::write(&data, bytes).unwrap();
    fs::write(&file, BASE64_STANDARD.decode(signature.trim()).unwrap()).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256", "-verify"]).arg(public);
    openssl.arg("-signature").arg(file).arg(data);
    let output = openssl.output().unwrap();
    assert!(output.stdout.starts_with(b"Verif"), "{output:?}");
    output.status.success()
}

/// What cosign checks: the form of the layer, the payload, and the signature over it.
pub(crate) fn check(
    layer: &Value,
    payload: &str,
    expected: (&str, &str),
    [public, other]: [&Path; 2],
) {
    let media_type = "application/vnd.dev.cosign.simplesigning.v1+json";
    assert_eq!(layer["mediaType"], media_type);
    let signature = layer["annotations"]["dev.cosignproject.cosign/signature"].as_str();
    let signature = signature.unwrap();
    assert!(verifies(public, payload.as_bytes(), signature));
    assert!(
        !verifies(other, payload.as_bytes(), signature),
        "another key"
    );

    let critical = &serde_json::from_str::<Value>(payload).unwrap()["critical"];
    let (repository, digest) = expected;
    assert_eq!(critical["identity"]["docker-reference"], repository);
    assert_eq!(critical["image"]["docker-manifest-digest"], digest);
    assert_eq!(critical["type"], "cosign container image signature");
}
