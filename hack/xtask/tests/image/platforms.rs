//! The images of all architectures, from the release builds, as one archive and one tag.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use signet_testbed::controlplane::Toolchain;
use signet_testbed::installation::checkout;
use signet_testbed::registry::{PASSWORD, Registry, USERNAME};
use signet_testbed::{packages, run};
use tempfile::TempDir;

use crate::cosign::Cosign;
use crate::crane::Crane;
use crate::elf::Elf;
use crate::image::Image;
use crate::lock::LOCK;
use crate::root::isolated;
use crate::sign;

/// OCI's name of an architecture, readelf's name, and the triple of Debian's folders.
const ARCHITECTURES: [(&str, &str, &str); 2] = [
    ("amd64", "Advanced Micro Devices X86-64", "x86_64-linux-gnu"),
    ("arm64", "AArch64", "aarch64-linux-gnu"),
];

#[tokio::test]
#[ignore = "takes two release builds; cargo xtask test image-long"]
async fn one_tag_has_an_image_for_each_architecture() {
    let toolchain = Toolchain::new().unwrap();
    let registry = Registry::start(&toolchain).await.unwrap();
    let repository = format!("{}/team/signet", registry.address());
    let folder = tempfile::tempdir().unwrap();
    let (key, public) = sign::key(folder.path(), "key");
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["image", "--arch", "arm64", "--arch", "amd64"]);
    command
        .args(["--push", &repository, "--sign-key"])
        .arg(&key);
    command.arg("--lock").arg(&*LOCK);
    command.arg("--output").arg(folder.path());
    command.env("REGISTRY_USERNAME", USERNAME);
    command.env("REGISTRY_PASSWORD", PASSWORD);
    let output = run(&mut command).unwrap();
    let (archive, digest) = output.trim().split_once('\n').unwrap();

    let crane = Crane::new(toolchain.clone(), &registry);
    let tag = format!("{repository}:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(crane.run(&["digest", &tag]).trim(), digest);
    // It reads every layer of every image and compares it with its digests.
    crane.run(&["validate", "--remote", &tag]);
    let cosign = Cosign::new(toolchain);
    for (architecture, machine, triple) in ARCHITECTURES {
        let folder = TempDir::new_in(folder.path()).unwrap();
        let image = Image::read(Path::new(archive), folder, architecture);
        assert_eq!(image.tagged(), digest);
        let platform = format!("linux/{architecture}");
        let of_platform = crane.run(&["digest", "--platform", &platform, &tag]);
        assert_eq!(of_platform.trim(), image.digest());
        for digest in [digest, &image.digest()] {
            let reference = format!("{repository}@{digest}");
            cosign.verify(&crane, &public, &reference).unwrap();
        }
        check(&image, (architecture, machine, triple));
    }
}

/// Everything in the image is of its architecture, and the operator has what it needs.
fn check(image: &Image, (architecture, machine, triple): (&str, &str, &str)) {
    assert_eq!(image.configuration()["architecture"], architecture);
    let root = tempfile::tempdir().unwrap();
    image.unpack(root.path());
    let files = Elf::all(root.path());
    for elf in &files {
        assert_eq!(elf.machine, machine, "{}", elf.path.display());
    }
    check_libraries(root.path(), &files, triple);
    for entry in fs::read_dir(root.path().join("var/lib/dpkg/status.d")).unwrap() {
        let control = fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut lines = control.lines();
        let found = lines.find_map(|it| it.strip_prefix("Architecture: "));
        let found = found.unwrap();
        assert!(found == architecture || found == "all", "{control}");
    }
    check_sbom(image, architecture);
    if architecture == "arm64" {
        runs_emulated(root.path());
    }
}

fn check_libraries(root: &Path, files: &[Elf], triple: &str) {
    let folders = ["lib", "usr/lib"].map(|folder| root.join(folder).join(triple));
    let is_there = |name: &str| folders.iter().any(|folder| folder.join(name).exists());
    for elf in files {
        for name in &elf.needed {
            // The loader itself, which has a place of its own.
            let is_loader = name.starts_with("ld-linux");
            assert!(
                is_loader || is_there(name),
                "{}: {name}",
                elf.path.display()
            );
        }
    }
    let operator = files.iter().find(|it| it.path.ends_with("usr/bin/signet"));
    let operator = operator.unwrap();
    let needed: BTreeSet<_> = operator.needed.iter().map(String::as_str).collect();
    assert!(needed.contains("libc.so.6"), "{needed:?}");
    let loader = operator.loader.as_deref().unwrap().trim_start_matches('/');
    // A link is followed in the image, not on this machine.
    let link = fs::read_link(root.join(loader)).unwrap();
    let target = match link.strip_prefix("/") {
        Ok(absolute) => root.join(absolute),
        Err(_) => root.join(loader).parent().unwrap().join(&link),
    };
    assert!(target.exists(), "{}", link.display());
}

fn check_sbom(image: &Image, architecture: &str) {
    let name = format!(
        "signet-{}-{architecture}.cdx.json",
        env!("CARGO_PKG_VERSION")
    );
    let text = fs::read_to_string(image.archive().with_file_name(name)).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let hash = &document["metadata"]["component"]["hashes"][0]["content"];
    assert_eq!(image.digest(), format!("sha256:{}", hash.as_str().unwrap()));
    let libc6 = format!("?arch={architecture}&distro=debian-12");
    assert!(text.contains(&libc6), "{text}");
}

/// Runs the operator of another processor: it sees nothing but the image's files and the emulator.
fn runs_emulated(root: &Path) {
    let emulator = packages::qemu("aarch64").unwrap();
    fs::copy(emulator, root.join("emulator")).unwrap();
    let signet = |arguments: &[&str]| {
        let mut command = isolated(root, &[]);
        command
            .args(["/emulator", "/usr/bin/signet"])
            .args(arguments);
        command
    };
    let version = run(&mut signet(&["version"])).unwrap();
    let expected = concat!("signet ", env!("CARGO_PKG_VERSION"));
    assert!(version.starts_with(expected), "{version}");

    // Its cryptography is in assembly, which differs with the processor.
    let mut csr = csr();
    write_request(root, &csr);
    let decide = [
        "decide",
        "--requester",
        "default:web",
        "-f",
        "/request.yaml",
        "-f",
        "/issuer.yaml",
    ];
    let granted = run(&mut signet(&decide)).unwrap();
    assert!(granted.contains("Granted"), "{granted}");
    *csr.last_mut().unwrap() ^= 1;
    write_request(root, &csr);
    let denied = signet(&decide).output().unwrap();
    assert!(!denied.status.success(), "{denied:?}");
    let output = String::from_utf8_lossy(&denied.stdout);
    assert!(output.contains("signature"), "{denied:?}");
}

/// A CSR for the requester's own ID, in DER. Its last byte is one of the signature.
fn csr() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-new", "-nodes", "-subj", "/", "-outform", "DER"]);
    openssl.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let name = "subjectAltName=critical,URI:spiffe://example.org/ns/default/sa/web";
    openssl.args(["-addext", name, "-keyout", "key", "-out", "csr"]);
    run(openssl.current_dir(folder.path())).unwrap();
    fs::read(folder.path().join("csr")).unwrap()
}

fn write_request(root: &Path, csr: &[u8]) {
    let base64 = BASE64_STANDARD.encode(csr);
    let pem = format!(
        "-----BEGIN CERTIFICATE REQUEST-----\n{base64}\n-----END CERTIFICATE REQUEST-----\n"
    );
    let issuer = json!({ "group": "signet.dev", "kind": "ClusterIssuer", "name": "example" });
    let request = json!({
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": { "name": "web", "namespace": "default" },
        "spec": {
            "issuerRef": issuer,
            "request": BASE64_STANDARD.encode(pem),
            "usages": ["digital signature", "client auth"],
            "duration": "1h",
        },
    });
    // JSON is YAML.
    fs::write(root.join("request.yaml"), request.to_string()).unwrap();
    let sample = checkout().join("docs/samples/quickstart.yaml");
    let documents = fs::read_to_string(sample).unwrap();
    let issuer = documents.split("---").next().unwrap();
    fs::write(root.join("issuer.yaml"), issuer).unwrap();
}
