//! The operator's binary, stripped.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use signet_testbed::installation::{Profile, cargo, operator_binary, target};
use signet_testbed::run;

use super::architecture::Architecture;

/// How the binary is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As the tests run it, for this machine.
    Debug,
    /// As it is released: it does not contain the path of the checkout.
    Release,
}

/// Builds the binary and returns its bytes.
///
/// # Errors
/// Cargo failed, or there is no toolchain for the architecture.
pub(super) fn operator(root: &Path, architecture: Architecture, kind: Kind) -> Result<Vec<u8>> {
    match kind {
        Kind::Debug => {
            ensure!(
                architecture.is_native(),
                "the debug build is for this machine; for {architecture} leave out --debug"
            );
            strip(&operator_binary(Profile::Dev)?)
        }
        Kind::Release => release(root, architecture),
    }
}

/// Cargo strips release builds, not debug builds.
fn strip(binary: &Path) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let stripped = folder.path().join("signet");
    let mut strip = Command::new("strip");
    strip
        .arg("--strip-all")
        .arg("-o")
        .arg(&stripped)
        .arg(binary);
    run(&mut strip).context("strip of binutils is needed")?;
    Ok(fs::read(stripped)?)
}

/// Built in a folder of its own, because its flags would build everything in the usual one again.
fn release(root: &Path, architecture: Architecture) -> Result<Vec<u8>> {
    check_toolchain(architecture)?;
    let (triple, folder) = (architecture.target(), target().join("image-build"));
    let prefixes = prefixes(root)?;
    let mut cargo = cargo();
    cargo.args([
        "build",
        "--release",
        "--locked",
        "--package",
        "signet",
        "--bins",
    ]);
    cargo
        .args(["--target", triple])
        .arg("--target-dir")
        .arg(&folder);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", rust_flags(&prefixes));
    let variable = triple.replace('-', "_");
    cargo.env(format!("CFLAGS_{variable}"), c_flags(&prefixes));
    if !architecture.is_native() {
        let linker = format!("{}-gcc", architecture.gnu());
        let setting = format!("CARGO_TARGET_{}_LINKER", variable.to_uppercase());
        cargo
            .env(setting, &linker)
            .env(format!("CC_{variable}"), linker);
    }
    let status = cargo.status().context("cannot run cargo")?;
    ensure!(status.success(), "cargo build --package signet failed");
    let binary = fs::read(folder.join(triple).join("release/signet"))?;
    check_paths(&binary, &prefixes)?;
    Ok(binary)
}

/// Folders of this machine, and what stands for them in the binary: two builds in different
/// folders are the same.
fn prefixes(root: &Path) -> Result<[(PathBuf, &'static str); 2]> {
    let home = match env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => env::home_dir()
            .context("there is no home folder")?
            .join(".cargo"),
    };
    Ok([(home, "/cargo"), (root.to_owned(), "/signet")])
}

fn rust_flags(prefixes: &[(PathBuf, &str)]) -> String {
    let flags = prefixes.iter().map(|(from, to)| {
        let from = from.display();
        format!("--remap-path-prefix={from}={to}")
    });
    // The separator of this variable.
    flags.collect::<Vec<_>>().join("\u{1f}")
}

fn c_flags(prefixes: &[(PathBuf, &str)]) -> String {
    let flags = prefixes.iter().map(|(from, to)| {
        let from = from.display();
        format!("-ffile-prefix-map={from}={to}")
    });
    flags.collect::<Vec<_>>().join(" ")
}

fn check_paths(binary: &[u8], prefixes: &[(PathBuf, &str)]) -> Result<()> {
    for (path, _) in prefixes {
        let path = path.as_os_str().as_encoded_bytes();
        let found = binary.windows(path.len()).any(|window| window == path);
        ensure!(
            !found,
            "the binary contains the path {}, so it depends on where it was built",
            path.escape_ascii()
        );
    }
    Ok(())
}

/// # Errors
/// This machine cannot build for the architecture. The error says what to install.
pub(super) fn check_toolchain(architecture: Architecture) -> Result<()> {
    let triple = architecture.target();
    let mut rustc = Command::new("rustc");
    let folder = run(rustc.args(["--print", "target-libdir", "--target", triple]))?;
    ensure!(
        Path::new(folder.trim()).is_dir(),
        "Rust cannot build for {architecture}; run rustup target add {triple}"
    );
    if !architecture.is_native() {
        let linker = format!("{}-gcc", architecture.gnu());
        let found = run(Command::new(&linker).arg("--version"));
        found.with_context(|| {
            format!(
                "{linker} is needed to build for {architecture}; install gcc-{} and \
                 libc6-dev-{architecture}-cross",
                architecture.gnu()
            )
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_path_of_the_checkout_in_a_binary() {
        let prefixes = [(PathBuf::from("/home/user/signet"), "/signet")];
        check_paths(b"\x7fELF\0/signet/operator/src/run.rs\0", &prefixes).unwrap();
        let error = check_paths(b"\x7fELF/home/user/signet/operator", &prefixes).unwrap_err();
        assert!(error.to_string().contains("/home/user/signet"), "{error}");
    }

    #[test]
    fn flags_replace_each_folder() {
        let prefixes = [
            (PathBuf::from("/a b/.cargo"), "/cargo"),
            (PathBuf::from("/c"), "/signet"),
        ];
        let expected = "--remap-path-prefix=/a b/.cargo=/cargo\u{1f}--remap-path-prefix=/c=/signet";
        assert_eq!(rust_flags(&prefixes), expected);
    }
}
