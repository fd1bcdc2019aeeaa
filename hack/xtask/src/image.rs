//! `cargo xtask image`: the operator as an OCI image, built without a container engine.
//!
//! The image has two layers. The base is made of Debian packages, each pinned by its version and
//! SHA-256 in [`packages.lock`](lock): glibc, because a PKCS#11 module is loaded at run time, and CA
//! certificates. The second layer is the operator. All of it depends on nothing but the checkout and
//! the compiler, so two builds of one commit are the same bytes.

mod apt;
mod architecture;
mod archive;
mod base;
mod binary;
mod build;
mod deb;
mod digest;
mod lock;
mod origin;
mod push;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use signet_testbed::installation::target;

use architecture::Architecture;
use archive::archive;
use binary::Kind;
use build::Built;
use lock::Lock;
use origin::Origin;
use push::Repository;

/// The arguments of `image`.
#[derive(Args, Debug)]
pub(crate) struct Image {
    /// The architecture of the image.
    #[arg(long, value_enum, default_value_t)]
    arch: Architecture,
    /// Put the debug build of the operator into the image. It takes seconds instead of minutes.
    #[arg(long)]
    debug: bool,
    /// The folder for the archive. Default: target/image.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Push the image, such as to registry.example.org/signet:0.1.0. The default tag is the
    /// version. $REGISTRY_USERNAME and $REGISTRY_PASSWORD are the login.
    #[arg(long, value_name = "REFERENCE")]
    push: Option<String>,
    /// Write the current version of each Debian package to hack/xtask/packages.lock, and build
    /// nothing.
    #[arg(long, conflicts_with_all = ["push", "debug"])]
    update_packages: bool,
}

/// Writes the archive, pushes the image if that is wanted, and prints the path of the archive and
/// the digest of the image.
pub(crate) async fn run(root: &Path, settings: &Image) -> Result<()> {
    if settings.update_packages {
        return update_packages(root);
    }
    // A wrong reference is reported before anything is built.
    let repository = settings.push.as_deref().map(Repository::new).transpose()?;
    let built = build(root, settings)?;
    let folder = match &settings.output {
        Some(folder) => folder.clone(),
        None => target().join("image"),
    };
    let path = folder.join(file_name(settings));
    write(&path, &archive(&built)?)?;
    if let Some(repository) = repository {
        repository.push(&built).await?;
    }
    println!("{}", path.display());
    println!("{}", built.digest());
    Ok(())
}

fn build(root: &Path, settings: &Image) -> Result<Built> {
    let origin = Origin::of(root)?;
    let packages = apt::packages(settings.arch, &Lock::read(root)?)?;
    let kind = if settings.debug {
        Kind::Debug
    } else {
        Kind::Release
    };
    let operator = binary::operator(root, settings.arch, kind)?;
    build::build(settings.arch, &base::base(&packages)?, operator, &origin)
}

fn file_name(settings: &Image) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let debug = if settings.debug { "-debug" } else { "" };
    format!("signet-{version}-{}{debug}.oci.tar", settings.arch.oci())
}

fn update_packages(root: &Path) -> Result<()> {
    let mut lock = Lock::default();
    for architecture in Architecture::ALL {
        for pin in apt::current(architecture, base::PACKAGES)? {
            lock.add(architecture, pin);
        }
    }
    write(&Lock::path(root), lock.to_string().as_bytes())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
