//! The software bill of materials of an image, in CycloneDX's form: the crates that are linked into
//! the operator and the Debian packages of the base.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use cyclonedx_bom::models::component::Classification;
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::prelude::{
    Bom, Component, Components, DateTime, Metadata, Purl, SpdxExpression, SpecVersion, UrnUuid,
};
use signet_testbed::installation::cargo;
use signet_testbed::run;

use super::architecture::Architecture;
use super::lock::{Lock, Pin};
use super::origin::Origin;

/// The form's version, the newest that the library writes.
const VERSION: SpecVersion = SpecVersion::V1_5;
/// The Debian release of the packages, as scanners name it.
const DISTRIBUTION: &str = "debian-12";

/// The document. It is determined by the image: its serial number is a part of the digest.
///
/// # Errors
/// Cargo cannot list the crates.
pub(super) fn sbom(
    root: &Path,
    architecture: Architecture,
    lock: &Lock,
    digest: &str,
    origin: &Origin,
) -> Result<Vec<u8>> {
    let mut components = crates(root, architecture)?;
    components.extend(
        lock.pins(architecture)
            .map(|pin| package(architecture, pin)),
    );
    let version = env!("CARGO_PKG_VERSION");
    let purl = format!("pkg:oci/signet@{digest}?arch={}", architecture.debian());
    let mut image = component(Classification::Container, "signet", version, purl);
    image.hashes = Some(hashes(digest.trim_start_matches("sha256:")));
    let bom = Bom {
        serial_number: Some(serial_number(digest)?),
        metadata: Some(Metadata {
            timestamp: Some(DateTime::try_from(origin.time.to_string())?),
            component: Some(image),
            ..Metadata::default()
        }),
        components: Some(Components(components)),
        ..Bom::default()
    };
    let mut bytes = Vec::new();
    bom.output_as_json(&mut bytes, VERSION)?;
    Ok(bytes)
}

fn component(kind: Classification, name: &str, version: &str, purl: String) -> Component {
    let mut component = Component::new(kind, name, version, Some(purl.clone()));
    component.purl = purl.parse().ok();
    component
}

fn hashes(sha256: &str) -> Hashes {
    Hashes(vec![Hash {
        alg: HashAlgorithm::SHA_256,
        content: HashValue(sha256.to_owned()),
    }])
}

/// A UUID of version 8, whose other bits are the application's.
fn serial_number(digest: &str) -> Result<UrnUuid> {
    let hex = digest.trim_start_matches("sha256:");
    let part = |from, to| hex.get(from..to).context("a digest that is too short");
    let (a, b, c) = (part(0, 8)?, part(8, 12)?, part(12, 15)?);
    let (d, e) = (part(15, 18)?, part(18, 30)?);
    let uuid = UrnUuid::new(format!("urn:uuid:{a}-{b}-8{c}-8{d}-{e}"));
    uuid.ok().context("an invalid digest")
}

/// What is linked into the operator, without macros and build scripts.
fn crates(root: &Path, architecture: Architecture) -> Result<Vec<Component>> {
    let mut tree = cargo();
    tree.args([
        "tree",
        "--locked",
        "--package",
        "signet",
        "--prefix",
        "none",
    ]);
    tree.args(["--target", architecture.target()]);
    tree.args(["--edges", "normal,no-proc-macro", "--no-dedupe"]);
    tree.args(["--format", "{p}|{l}"]);
    let lines: BTreeSet<_> = run(&mut tree)?.lines().map(str::to_owned).collect();
    let checksums = checksums(&fs::read_to_string(root.join("Cargo.lock"))?);
    let read = |line: &String| read(line, &checksums);
    lines.iter().map(read).collect()
}

/// A line such as `serde v1.0.0|MIT OR Apache-2.0`.
fn read(line: &str, checksums: &BTreeMap<(String, String), String>) -> Result<Component> {
    let (package, license) = line.split_once('|').context("a line without a license")?;
    let mut words = package.split(' ');
    let name = words.next().unwrap_or_default();
    let version = words.next().and_then(|it| it.strip_prefix('v'));
    let version = version.with_context(|| format!("{package} has no version"))?;
    let purl = Purl::new("cargo", name, version)?.to_string();
    let mut component = component(Classification::Library, name, version, purl);
    let license = SpdxExpression::parse_lax(license.to_owned())
        .with_context(|| format!("the license of {package}"))?;
    component.licenses = Some(Licenses(vec![LicenseChoice::Expression(license)]));
    let checksum = checksums.get(&(name.to_owned(), version.to_owned()));
    component.hashes = checksum.map(|it| hashes(it));
    Ok(component)
}

/// The SHA-256 of each crate that comes from a registry, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let entries = lock.split("[[package]]").skip(1);
    let read = |entry: &str| {
        let value = |key: &str| {
            let mut lines = entry.lines().filter_map(|it| it.split_once(" = "));
            let value = lines.find(|(it, _)| *it == key)?.1;
            Some(value.trim_matches('"').to_owned())
        };
        Some(((value("name")?, value("version")?), value("checksum")?))
    };
    entries.filter_map(read).collect()
}

fn package(architecture: Architecture, pin: &Pin) -> Component {
    let Pin {
        name,
        version,
        sha256,
    } = pin;
    let (architecture, encode) = (architecture.debian(), |text: &str| text.replace('+', "%2B"));
    let purl = format!(
        "pkg:deb/debian/{}@{}?arch={architecture}&distro={DISTRIBUTION}",
        encode(name),
        encode(version)
    );
    let mut package = component(Classification::Library, name, version, purl);
    package.hashes = Some(hashes(sha256));
    package
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_line_of_cargo_tree() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.2.3\"\nchecksum = \"00ff\"\n";
        let checksums = checksums(lock);
        let crate_ = read("a v1.2.3|MIT/Apache-2.0", &checksums).unwrap();
        assert_eq!(crate_.purl.unwrap().to_string(), "pkg:cargo/a@1.2.3");
        assert_eq!(crate_.hashes, Some(hashes("00ff")));
        let ours = read("signet v0.1.0 (/home/user)|Apache-2.0", &checksums).unwrap();
        assert_eq!(ours.hashes, None);
        read("a v1.2.3|none of these", &checksums).unwrap_err();
    }
}
