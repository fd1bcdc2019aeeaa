//! Packages of Python, by pip.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::run;

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
    let text = run(Command::new("python3").args(["-c", DESCRIBE]))
        .context("install Python 3.11 or newer, as python3 on the PATH")?;
    let (executable, tag) = text
        .trim()
        .split_once('\n')
        .context("python3 printed nothing")?;
    Ok(Interpreter {
        executable: executable.into(),
        tag: tag.to_owned(),
    })
}

/// The folder of packages, each pinned; installs them if they are not in the cache. The list is
/// complete: further dependencies are not installed.
pub(super) fn ensure(name: &str, pins: &[&str]) -> Result<PathBuf> {
    let python = interpreter()?;
    let mut ingredients = vec![python.tag.as_str()];
    ingredients.extend(pins);
    super::ensure(name, &ingredients, |folder| {
        run(Command::new(&python.executable)
            .args(["-m", "pip", "install", "--quiet", "--no-deps"])
            .args(["--only-binary", ":all:"])
            .arg("--target")
            .arg(folder)
            .args(pins)
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .env("PIP_ROOT_USER_ACTION", "ignore"))
        .context("install pip for python3, such as by the package python3-pip")?;
        Ok(())
    })
}
