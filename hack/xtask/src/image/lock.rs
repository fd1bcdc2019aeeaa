//! `packages.lock`: the Debian packages of the base, each with its version and SHA-256.

use std::fmt::{Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::architecture::Architecture;

const HEADER: &str = "\
# The Debian packages of the image's base: architecture, name, version, SHA-256.
# Written by `cargo xtask image --update-packages`.
";

/// One package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) sha256: String,
}

/// The contents of the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lock(Vec<(Architecture, Pin)>);

impl Lock {
    /// The file that the product's images are built from.
    pub(super) fn path(root: &Path) -> PathBuf {
        root.join("hack/xtask/packages.lock")
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("cannot read {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| parse_line(line).with_context(|| format!("invalid line: {line}")))
            .collect::<Result<_>>()
            .map(Self)
    }

    pub(super) fn add(&mut self, architecture: Architecture, pin: Pin) {
        self.0.push((architecture, pin));
    }

    /// The packages of one architecture, in the order of the file.
    pub(super) fn pins(&self, architecture: Architecture) -> impl Iterator<Item = &Pin> {
        let pins = self.0.iter().filter(move |(it, _)| *it == architecture);
        pins.map(|(_, pin)| pin)
    }
}

fn parse_line(line: &str) -> Result<(Architecture, Pin)> {
    let words: Vec<_> = line.split(' ').collect();
    let [architecture, name, version, sha256] = words[..] else {
        anyhow::bail!("it does not have four words");
    };
    let architecture = Architecture::ALL
        .into_iter()
        .find(|it| it.debian() == architecture)
        .with_context(|| format!("the architecture {architecture} is unknown"))?;
    let is_digest = sha256.len() == 64 && sha256.bytes().all(|it| it.is_ascii_hexdigit());
    ensure!(is_digest, "{sha256} is not a SHA-256");
    let pin = Pin {
        name: name.to_owned(),
        version: version.to_owned(),
        sha256: sha256.to_owned(),
    };
    Ok((architecture, pin))
}

impl Display for Lock {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(HEADER)?;
        for (architecture, pin) in &self.0 {
            let Pin {
                name,
                version,
                sha256,
            } = pin;
            writeln!(f, "{} {name} {version} {sha256}", architecture.debian())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use signet_testbed::installation::checkout;

    use super::*;
    use crate::image::base::PACKAGES;

    #[test]
    fn has_each_package_of_the_base_for_each_architecture() {
        let lock = Lock::read(&Lock::path(&checkout())).unwrap();
        for architecture in Architecture::ALL {
            let names: Vec<_> = lock.pins(architecture).map(|it| &*it.name).collect();
            assert_eq!(names, PACKAGES, "run cargo xtask image --update-packages");
        }
        let text = fs::read_to_string(Lock::path(&checkout())).unwrap();
        assert_eq!(lock.to_string(), text);
    }

    #[test]
    fn rejects_what_does_not_pin() {
        let digest = "0".repeat(64);
        for line in [
            format!("amd64 libc6 {digest}"),
            format!("riscv64 libc6 2.36 {digest}"),
            "amd64 libc6 2.36 0123".to_owned(),
            String::new(),
        ] {
            Lock::parse(&format!("{HEADER}{line}\n")).unwrap_err();
        }
    }
}
