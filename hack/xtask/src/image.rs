//! `cargo xtask image`: the operator as an OCI image, built without a container engine.
//!
//! The image has two layers. The base is made of Debian packages, each pinned by its version and
//! SHA-256 in [`packages.lock`](lock): glibc, because a PKCS#11 module is loaded at run time, and CA
//! certificates. The second layer is the operator. All of it depends on nothing but the checkout and
//! the compiler, so two builds of one commit are the same bytes. There is one image for each
//! architecture that this machine has a compiler for, and an index of them.

mod apt;
mod architecture;
mod archive;
mod base;
mod binary;
mod build;
mod deb;
mod digest;
mod images;
mod lock;
mod origin;
mod platforms;
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
use images::Images;
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
    /// --key`. Signatures by other keys stay.
    #[arg(long, value_name = "FILE", requires = "push")]
    sign_key: Option<PathBuf>,
    /// Write the current version of each Debian package to the lock file, and build nothing.
    #[arg(long, conflicts_with_all = ["push", "debug", "arch"])]
    update_packages: bool,
    /// Download the Debian packages of the lock file into the cache, and build nothing.
    #[arg(long, conflicts_with_all = ["push", "debug", "update_packages"])]
    fetch_packages: bool,
}

/// What is in an image.
#[derive(Args, Clone, Debug)]
pub(crate) struct Contents {
    /// The architectures, such as --arch amd64 --arch arm64. Default: those that this machine has a
    /// compiler for, and for a release all; with --debug its own.
    #[arg(long, value_enum)]
    arch: Vec<Architecture>,
    /// Put the debug build of the operator into the image. It takes seconds instead of minutes.
    #[arg(long)]
    debug: bool,
    /// The file that pins the Debian packages. Default: hack/xtask/packages.lock.
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
}

/// Images as files: their names and contents.
pub(crate) struct Artifacts {
    images: Images,
    pub(crate) archive: (String, Vec<u8>),
    /// One of each image.
    pub(crate) sboms: Vec<(String, Vec<u8>)>,
}

/// Writes the archive and the SBOMs, pushes the images if that is wanted, and prints the path of the
/// archive and the digest of what is in it.
pub(crate) async fn run(root: &Path, settings: &Image) -> Result<()> {
    let lock = settings.contents.lock(root);
    if settings.update_packages {
        return update_packages(&lock);
    }
    if settings.fetch_packages {
        return fetch_packages(&lock, &settings.contents.arch);
    }
    // Wrong settings are reported before anything is built.
    let repository = settings.push.as_deref().map(Repository::new).transpose()?;
    let key = settings.sign_key.as_deref().map(Key::read).transpose()?;
    let artifacts = artifacts(root, &settings.contents)?;
    let folder = match &settings.output {
        Some(folder) => folder.clone(),
        None => target().join("image"),
    };
    for (name, bytes) in artifacts.sboms.iter().chain([&artifacts.archive]) {
        write(&folder.join(name), bytes)?;
    }
    if let Some(repository) = repository {
        publish(&repository, &artifacts.images, key.as_ref()).await?;
    }
    println!("{}", folder.join(&artifacts.archive.0).display());
    println!("{}", artifacts.images.top()?.descriptor.digest());
    Ok(())
}

/// Pushes the images, and a signature of each digest by which a user may refer to them.
async fn publish(repository: &Repository, images: &Images, key: Option<&Key>) -> Result<()> {
    repository.push(images).await?;
    let Some(key) = key else {
        return Ok(());
    };
    for digest in images.digests() {
        let tag = sign::tag(&digest);
        let earlier = repository.manifest(&tag).await?;
        let signatures = sign::signatures(&digest, &repository.name(), key, earlier.as_deref())?;
        if let Some(signatures) = signatures {
            repository.push_tagged(&signatures, &tag).await?;
        }
    }
    Ok(())
}

/// Builds the images.
///
/// # Errors
/// The operator cannot be built, or the packages cannot be downloaded.
pub(crate) fn artifacts(root: &Path, contents: &Contents) -> Result<Artifacts> {
    let lock = Lock::read(&contents.lock(root))?;
    let origin = Origin::of(root)?;
    let mut images = Vec::new();
    let mut sboms = Vec::new();
    for architecture in platforms::choose(&contents.arch, contents.kind())? {
        let packages = apt::packages(architecture, &lock)?;
        let operator = binary::operator(root, architecture, contents.kind())?;
        let image = build::build(architecture, &base::base(&packages)?, operator, &origin)?;
        let sbom = sbom::sbom(root, architecture, &lock, &image.digest(), &origin)?;
        sboms.push((
            format!("{}.cdx.json", contents.name(Some(architecture))),
            sbom,
        ));
        images.push((architecture, image));
    }
    // An archive of several has the name of none.
    let only = match images.as_slice() {
        [(architecture, _)] => Some(*architecture),
        _ => None,
    };
    let images = Images::new(images.into_iter().map(|(_, image)| image).collect())?;
    let archive = archive::archive(&images)?;
    Ok(Artifacts {
        archive: (format!("{}.oci.tar", contents.name(only)), archive),
        images,
        sboms,
    })
}

impl Contents {
    /// The same with all architectures, unless some were chosen: a release does not leave out one that
    /// this machine cannot build.
    pub(crate) fn of_release(&self) -> Self {
        let mut contents = self.clone();
        if contents.arch.is_empty() && !contents.debug {
            contents.arch = Architecture::ALL.to_vec();
        }
        contents
    }

    fn kind(&self) -> Kind {
        match self.debug {
            true => Kind::Debug,
            false => Kind::Release,
        }
    }

    fn lock(&self, root: &Path) -> PathBuf {
        self.lock.clone().unwrap_or_else(|| Lock::path(root))
    }

    fn name(&self, architecture: Option<Architecture>) -> String {
        let architecture = architecture.map(|it| format!("-{it}")).unwrap_or_default();
        let debug = if self.debug { "-debug" } else { "" };
        format!("signet-{}{architecture}{debug}", env!("CARGO_PKG_VERSION"))
    }
}

fn update_packages(path: &Path) -> Result<()> {
    let mut lock = Lock::default();
    for architecture in Architecture::ALL {
        for pin in apt::current(architecture, base::PACKAGES)? {
            lock.add(architecture, pin);
        }
    }
    write(path, lock.to_string().as_bytes())
}

fn fetch_packages(path: &Path, chosen: &[Architecture]) -> Result<()> {
    let lock = Lock::read(path)?;
    for architecture in Architecture::ALL {
        if chosen.is_empty() || chosen.contains(&architecture) {
            apt::packages(architecture, &lock)?;
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        contents: Contents,
    }

    #[test]
    fn a_release_has_all_architectures_unless_some_are_chosen() {
        for (arguments, expected) in [
            (&["xtask"][..], &Architecture::ALL[..]),
            (&["xtask", "--arch", "arm64"], &[Architecture::Arm64]),
            // That of this machine.
            (&["xtask", "--debug"], &[]),
        ] {
            let contents = Command::parse_from(arguments).contents;
            assert_eq!(contents.of_release().arch, expected);
        }
    }
}
