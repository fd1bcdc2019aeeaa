//! Packages of Python, by pip.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::debian;

/// An interpreter, and what a package with machine code depends on.
pub(super) struct Interpreter {
    pub(super) executable: PathBuf,
    /// Its version and the machine.
    tag: String,
}

const DESCRIBE: &str = "import sys, sysconfig; \
    print(sys.executable); \
    print(sys.implementation.cache_tag, sysconfig.get_platform())";

/// The `python3` of the PATH.
pub(super) fn interpreter() -> Result<Interpreter> {
    let text = super::debian::run(Command::new("python3").args(["-c", DESCRIBE]))
        .context("install Python 3.11 or newer, as python3 on the PATH")?;
    let (executable, tag) = text
        .trim()
        .split_once('\n')
        .context("python3 says nothing")?;
    Ok(Interpreter {
        executable: executable.into(),
        tag: tag.to_owned(),
    })
}

/// The folder of packages, each pinned; installs them if they are not in the cache. The list is
/// complete: what a package asks for beyond it is not installed.
pub(super) fn ensure(name: &str, pins: &[&str]) -> Result<PathBuf> {
    let python = interpreter()?;
    let mut ingredients = vec![python.tag.as_str()];
    ingredients.extend(pins);
    super::ensure(name, &ingredients, |folder| {
        let (program, arguments) = pip(&python.executable)?;
        debian::run(
            Command::new(program)
                .args(arguments)
                .args(["install", "--quiet", "--no-deps", "--only-binary", ":all:"])
                .arg("--target")
                .arg(folder)
                .args(pins)
                .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
                .env("PIP_ROOT_USER_ACTION", "ignore"),
        )?;
        Ok(())
    })
}

/// How pip is called: the interpreter's own, or else the one that Debian packs for virtual
/// environments, since a fresh Debian has Python without pip.
fn pip(python: &Path) -> Result<(PathBuf, Vec<OsString>)> {
    let own = Command::new(python)
        .args(["-m", "pip", "--version"])
        .output();
    if own.is_ok_and(|output| output.status.success()) {
        return Ok((python.to_owned(), vec!["-m".into(), "pip".into()]));
    }
    let root = debian::ensure("pip", &["python3-pip-whl"], &[])
        .context("install pip for python3, such as by the package python3-pip")?;
    let wheels = root.join("usr/share/python-wheels");
    let is_pip = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("pip-") && name.ends_with(".whl")
    };
    let wheel = std::fs::read_dir(&wheels)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(is_pip);
    ensure!(wheel.is_some(), "{} has no pip", wheels.display());
    // A wheel is an archive from which Python runs a package.
    let wheel = wheel.unwrap_or_default().join("pip");
    Ok((python.to_owned(), vec![wheel.into()]))
}
