//! Debian packages, downloaded by apt from the archives that this machine is configured for.
//!
//! apt checks the signatures of the archives' lists. Its state and cache are folders of our own, so
//! that it needs no root, changes nothing here, and can fetch another architecture's packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use signet_testbed::{cache, run, say};

use super::architecture::Architecture;
use super::digest::sha256;
use super::lock::{Lock, Pin};

/// The packages of the lock file, as they are in the archive. Downloaded packages are cached,
/// because a Debian archive has only the current version of each.
///
/// # Errors
/// An archive has another version than the lock file, or other bytes.
pub(super) fn packages(architecture: Architecture, lock: &Lock) -> Result<Vec<Vec<u8>>> {
    let pins: Vec<_> = lock.pins(architecture).collect();
    let folder = download(architecture, &pins)?;
    pins.iter()
        .map(|pin| {
            let bytes = fs::read(folder.join(format!("{}.deb", pin.name)))?;
            verify(pin, &bytes)?;
            Ok(bytes)
        })
        .collect()
}

fn verify(pin: &Pin, bytes: &[u8]) -> Result<()> {
    let found = sha256(bytes);
    let Pin { name, version, .. } = pin;
    ensure!(
        found == pin.sha256,
        "the package {name} {version} has the SHA-256 {found}, not {} as in packages.lock",
        pin.sha256
    );
    Ok(())
}

fn download(architecture: Architecture, pins: &[&Pin]) -> Result<PathBuf> {
    let name = format!("image-base-{}", architecture.debian());
    let ingredients = pins
        .iter()
        .flat_map(|pin| [&pin.name, &pin.version, &pin.sha256]);
    let key = cache::key(ingredients.map(|it| it.as_bytes()));
    let entry = format!("{name}-{key}");
    cache::ensure(&cache::folder()?, &name, &entry, |folder| {
        say(format_args!("{name}: downloading Debian packages, once"));
        let apt = Apt::new(architecture)?;
        for pin in pins {
            let bytes = apt.download(pin)?;
            verify(pin, &bytes)?;
            fs::write(folder.join(format!("{}.deb", pin.name)), bytes)?;
        }
        Ok(())
    })
}

/// The current versions of packages.
///
/// # Errors
/// The archives do not have one of them.
pub(super) fn current(architecture: Architecture, names: &[&str]) -> Result<Vec<Pin>> {
    let apt = Apt::new(architecture)?;
    names.iter().map(|name| apt.current(name)).collect()
}

/// apt with a state of its own, and up-to-date lists.
struct Apt {
    folder: tempfile::TempDir,
    architecture: Architecture,
}

impl Apt {
    fn new(architecture: Architecture) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir_all(folder.path().join("lists/partial"))?;
        fs::create_dir_all(folder.path().join("cache/archives/partial"))?;
        fs::write(folder.path().join("status"), "")?;
        let apt = Self {
            folder,
            architecture,
        };
        let updated = run(apt.command("apt-get").arg("update"));
        updated.context(
            "apt cannot read the lists of its archives, which must be those of the Debian release \
             that packages.lock is of",
        )?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let path = self.folder.path();
        let architecture = self.architecture.debian();
        let mut command = Command::new(program);
        command.current_dir(path).arg("--quiet");
        for option in [
            // The user that apt changes to cannot write here.
            "APT::Sandbox::User=root".to_owned(),
            // An archive that cannot be reached is not one without a package.
            "APT::Update::Error-Mode=any".to_owned(),
            format!("Dir::State::lists={}", path.join("lists").display()),
            format!("Dir::State::status={}", path.join("status").display()),
            format!("Dir::Cache={}", path.join("cache").display()),
            format!("APT::Architecture={architecture}"),
            format!("APT::Architectures={architecture}"),
        ] {
            command.args(["-o", &option]);
        }
        command
    }

    fn download(&self, pin: &Pin) -> Result<Vec<u8>> {
        let (Pin { name, version, .. }, architecture) = (pin, self.architecture.debian());
        ensure!(
            self.versions(name)?.contains(version),
            "the archives that apt is configured for do not have {name} {version} \
             ({architecture}); if Debian has a newer one, run \
             cargo xtask image --update-packages and commit packages.lock"
        );
        let mut download = self.command("apt-get");
        let pinned = format!("{name}={version}");
        run(download.args(["download", &pinned]))
            .with_context(|| format!("apt cannot download {name} {version}"))?;
        let path = downloaded(self.folder.path(), name)?;
        Ok(fs::read(path)?)
    }

    /// The versions of a package that can be downloaded.
    fn versions(&self, name: &str) -> Result<Vec<String>> {
        let text =
            run(self.command("apt-cache").args(["show", name])).with_context(|| unknown(name))?;
        let versions = text.lines().filter_map(|it| it.strip_prefix("Version: "));
        Ok(versions.map(str::to_owned).collect())
    }

    fn current(&self, name: &str) -> Result<Pin> {
        let mut command = self.command("apt-cache");
        let text = run(command.args(["show", "--no-all-versions", name]))
            .with_context(|| unknown(name))?;
        let field = |field: &str| {
            let mut fields = text.lines().filter_map(|line| line.split_once(": "));
            let value = fields.find(|(it, _)| *it == field).map(|(_, value)| value);
            let value = value.with_context(|| format!("the package {name} has no {field}"));
            Ok::<_, anyhow::Error>(value?.to_owned())
        };
        Ok(Pin {
            name: name.to_owned(),
            version: field("Version")?,
            sha256: field("SHA256")?,
        })
    }
}

fn unknown(name: &str) -> String {
    format!(
        "apt does not know the package {name}; it must be configured for the Debian release that \
         packages.lock is of"
    )
}

/// apt names a file by package, version and architecture, with escapes in the version.
fn downloaded(folder: &Path, package: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".deb") && name.split('_').next() == Some(package) {
            return Ok(path);
        }
    }
    bail!("apt downloaded no file for {package}")
}
