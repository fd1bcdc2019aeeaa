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
mod sbom;
mod sign;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use signet_testbed::installation::target;

use architecture::Architecture;
use binary::Kind;
use build::Built;
use lock::Lock;
use push::Repository;

pub(crate) use build::gzip;
pub(crate) use digest::sha256;
pub(crate) use origin::Origin;
pub(crate) use sign::Key;
pub(crate) use tree::{Node, Tree};

/// The arguments of `image`.
#[derive(Args, Debug)]
pub(crate) struct Image {
    #[command(flatten)]
    contents: Contents,
    /// The folder for the archive. Default: target/image.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Push the image, such as to registry.example.org/signet:0.1.0. The default tag is the
    /// version. $REGISTRY_USERNAME and $REGISTRY_PASSWORD are the login.
    #[arg(long, value_name = "REFERENCE")]
    push: Option<String>,
    /// Sign the pushed image with the P-256 key in this file (PKCS#8, PEM), for `cosign verify
    /// --key`.
    #[arg(long, value_name = "FILE", requires = "push")]
    sign_key: Option<PathBuf>,
    /// Write the current version of each Debian package to hack/xtask/packages.lock, and build
    /// nothing.
    #[arg(long, conflicts_with_all = ["push", "debug"])]
    update_packages: bool,
}

/// What is in an image.
#[derive(Args, Debug)]
pub(crate) struct Contents {
    /// The architecture of the image.
    #[arg(long, value_enum, default_value_t)]
    arch: Architecture,
    /// Put the debug build of the operator into the image. It takes seconds instead of minutes.
    #[arg(long)]
    debug: bool,
}

/// An image as files: their names and contents.
pub(crate) struct Artifacts {
    image: Built,
    pub(crate) archive: (String, Vec<u8>),
    pub(crate) sbom: (String, Vec<u8>),
}

/// Writes the archive and the SBOM, pushes the image if that is wanted, and prints the path of the
/// archive and the digest of the image.
pub(crate) async fn run(root: &Path, settings: &Image) -> Result<()> {
    if settings.update_packages {
        return update_packages(root);
    }
    // Wrong settings are reported before anything is built.
    let repository = settings.push.as_deref().map(Repository::new).transpose()?;
    let key = settings.sign_key.as_deref().map(Key::read).transpose()?;
    let artifacts = artifacts(root, &settings.contents)?;
    let folder = match &settings.output {
        Some(folder) => folder.clone(),
        None => target().join("image"),
    };
    for (name, bytes) in [&artifacts.archive, &artifacts.sbom] {
        write(&folder.join(name), bytes)?;
    }
    if let Some(repository) = repository {
        publish(&repository, &artifacts.image, key.as_ref()).await?;
    }
    println!("{}", folder.join(&artifacts.archive.0).display());
    println!("{}", artifacts.image.digest());
    Ok(())
}

/// Pushes the image and its signature.
async fn publish(repository: &Repository, image: &Built, key: Option<&Key>) -> Result<()> {
    repository.push(image).await?;
    if let Some(key) = key {
        let digest = image.digest();
        let signature = sign::signature(&digest, &repository.name(), key)?;
        repository
            .push_tagged(&signature, sign::tag(&digest))
            .await?;
    }
    Ok(())
}

/// Builds an image.
///
/// # Errors
/// The operator cannot be built, or the packages cannot be downloaded.
pub(crate) fn artifacts(root: &Path, contents: &Contents) -> Result<Artifacts> {
    let (architecture, origin) = (contents.arch, Origin::of(root)?);
    let packages = apt::packages(architecture, &Lock::read(root)?)?;
    let kind = if contents.debug {
        Kind::Debug
    } else {
        Kind::Release
    };
    let operator = binary::operator(root, architecture, kind)?;
    let image = build::build(architecture, &base::base(&packages)?, operator, &origin)?;
    let archive = archive::archive(&image)?;
    let sbom = sbom::sbom(root, architecture, &image.digest(), &origin)?;
    let name = name(contents);
    Ok(Artifacts {
        image,
        archive: (format!("{name}.oci.tar"), archive),
        sbom: (format!("{name}.cdx.json"), sbom),
    })
}

fn name(contents: &Contents) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let debug = if contents.debug { "-debug" } else { "" };
    format!("signet-{version}-{}{debug}", contents.arch.oci())
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
