//! Packages of Debian and Ubuntu, unpacked without being installed: that needs no root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::run;

/// A library's name and the packages that may have it.
type Library = (&'static str, &'static [&'static str]);

const NOT_FOUND: &str = "=> not found";

/// The folder into which packages are unpacked, with those of `libraries` that the system lacks.
pub(super) fn ensure(name: &str, packages: &[&str], libraries: &[Library]) -> Result<PathBuf> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let machine = run(Command::new("dpkg").arg("--print-architecture"))
        .context("a Debian or Ubuntu is needed, for its packages")?;
    let mut ingredients = vec![release.as_str(), machine.as_str()];
    ingredients.extend(packages);
    super::ensure(name, &ingredients, |folder| {
        let apt = Apt::new(folder)?;
        apt.unpack(packages)?;
        for missing in missing(folder)? {
            let known = libraries.iter().find(|(name, _)| missing.starts_with(name));
            let (_, packages) = known.with_context(|| format!("the system lacks {missing}"))?;
            let found = packages.iter().any(|it| apt.unpack(&[it]).is_ok());
            anyhow::ensure!(found, "no package {} has {missing}", packages.join(" or "));
        }
        apt.clean()
    })
}

/// The folder of libraries of unpacked packages, such as `usr/lib/x86_64-linux-gnu`.
pub(super) fn libraries(root: &Path) -> Result<PathBuf> {
    let folders = fs::read_dir(root.join("usr/lib"))?.flatten();
    folders
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().ends_with("-linux-gnu"))
        .context("the packages have no libraries")
}

/// Where packages come from.
struct Apt {
    root: PathBuf,
    downloads: PathBuf,
}

impl Apt {
    fn new(root: &Path) -> Result<Self> {
        let downloads = root.join("apt");
        fs::create_dir_all(downloads.join("lists/partial"))?;
        fs::create_dir_all(downloads.join("cache/archives/partial"))?;
        Ok(Self {
            root: root.to_owned(),
            downloads,
        })
    }

    fn unpack(&self, packages: &[&str]) -> Result<()> {
        let mut download = self.get(false);
        if run(download.arg("download").args(packages)).is_err() {
            // The system's lists of packages are missing or old; only root may renew them, so
            // these are lists of our own.
            run(self.get(true).arg("update"))?;
            run(self.get(true).arg("download").args(packages))?;
        }
        for entry in fs::read_dir(&self.downloads)? {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == "deb") {
                run(Command::new("dpkg").arg("-x").arg(&path).arg(&self.root))?;
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn get(&self, own_lists: bool) -> Command {
        let mut command = Command::new("apt-get");
        command.current_dir(&self.downloads).arg("--quiet");
        // The user that apt changes to cannot write here.
        command.args(["-o", "APT::Sandbox::User=root"]);
        if own_lists {
            let path = self.downloads.display();
            command
                .arg("-o")
                .arg(format!("Dir::State::lists={path}/lists"));
            command.arg("-o").arg(format!("Dir::Cache={path}/cache"));
        }
        command
    }

    fn clean(&self) -> Result<()> {
        Ok(fs::remove_dir_all(&self.downloads)?)
    }
}

/// The libraries that the programs and modules need and neither the system nor the packages have.
fn missing(root: &Path) -> Result<Vec<String>> {
    let Ok(libraries) = libraries(root) else {
        return Ok(Vec::new());
    };
    let programs = ["pkcs11-tool", "softhsm2-util"].map(|name| root.join("usr/bin").join(name));
    let module = libraries.join("softhsm/libsofthsm2.so");
    let text = run(Command::new("ldd")
        .args(programs)
        .arg(module)
        .env("LD_LIBRARY_PATH", &libraries))?;
    let mut missing: Vec<_> = text
        .lines()
        .filter_map(|line| Some(line.trim().strip_suffix(NOT_FOUND)?.trim().to_owned()))
        .collect();
    missing.sort();
    missing.dedup();
    Ok(missing)
}
