//! Sets `SIGNET_COMMIT`, the commit that a release build is from. `signet version` prints it.
//!
//! It is the variable of that name, for builds without a checkout, or what Git reports. Debug builds
//! have none: every commit would compile the operator and what depends on it again.

use std::env;
use std::path::Path;
use std::process::Command;

const VARIABLE: &str = "SIGNET_COMMIT";
/// What is built into the operator.
const SOURCES: [&str; 4] = [
    "operator",
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
];

fn main() {
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(commit) = given().or_else(of_checkout) {
        println!("cargo::rustc-env={VARIABLE}={commit}");
    }
}

fn given() -> Option<String> {
    env::var(VARIABLE).ok().filter(|commit| !commit.is_empty())
}

/// Returns the commit of the checkout, with `-dirty` if a source differs from it.
fn of_checkout() -> Option<String> {
    if env::var("PROFILE").ok()? != "release" {
        return None;
    }
    let manifest = env::var("CARGO_MANIFEST_DIR").ok()?;
    let root = Path::new(&manifest).parent()?;
    // A copy of the sources within the checkout of another project has no commit.
    if !git(root, &["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    let commit = git(root, &["rev-parse", "HEAD"])?;
    // HEAD changes when a branch is checked out, its log with every commit.
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(root, &["rev-parse", "--git-path", file])?;
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let status = ["status", "--porcelain", "--"];
    let changes = git(root, &[&status[..], &SOURCES].concat())?;
    Some(match changes.is_empty() {
        true => commit,
        false => format!("{commit}-dirty"),
    })
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(root)
        .output();
    let output = output.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
