//! The image as OCI has it: layers, configuration and manifest.

use std::collections::HashMap;
use std::io::Write;

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use oci_spec::image::{
    ConfigBuilder, Descriptor, History, HistoryBuilder, ImageConfiguration,
    ImageConfigurationBuilder, ImageManifestBuilder, MediaType, Os, PlatformBuilder, RootFsBuilder,
    Sha256Digest,
};
use serde::Serialize;

use super::architecture::Architecture;
use super::base::USER;
use super::digest::sha256;
use super::origin::Origin;
use super::tree::{Node, Tree};

/// Where the operator is in the image.
const ENTRY_POINT: &str = "usr/bin/signet";

/// Some content and what refers to it.
#[derive(Debug)]
pub(super) struct Blob {
    pub(super) descriptor: Descriptor,
    pub(super) bytes: Vec<u8>,
}

impl Blob {
    pub(super) fn new(media_type: MediaType, bytes: Vec<u8>) -> Result<Self> {
        let digest: Sha256Digest = sha256(&bytes).parse()?;
        let size = u64::try_from(bytes.len())?;
        let descriptor = Descriptor::new(media_type, size, digest);
        Ok(Self { descriptor, bytes })
    }

    /// A document. Its maps are sorted, so that the same document has the same digest.
    pub(super) fn json(media_type: MediaType, document: &impl Serialize) -> Result<Self> {
        let sorted = serde_json::to_value(document)?;
        Self::new(media_type, serde_json::to_vec(&sorted)?)
    }
}

/// An image: its manifest, and what the manifest refers to.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) manifest: Blob,
    pub(super) config: Blob,
    pub(super) layers: Vec<Blob>,
}

impl Built {
    /// The digest of the image: `sha256:` and hexadecimal digits.
    pub(super) fn digest(&self) -> String {
        self.manifest.descriptor.digest().to_string()
    }
}

/// An image of the base and the operator.
///
/// # Errors
/// There are none in practice: what is built here is valid.
pub(super) fn build(
    architecture: Architecture,
    base: &Tree,
    operator: Vec<u8>,
    origin: &Origin,
) -> Result<Built> {
    let mut program = Tree::default();
    program.insert(ENTRY_POINT, Node::file(operator, 0o755, origin.seconds()?));
    let mut layers = Vec::new();
    let mut diff_ids = Vec::new();
    for tree in [base, &program] {
        let tar = tree.tar()?;
        diff_ids.push(format!("sha256:{}", sha256(&tar)));
        layers.push(Blob::new(MediaType::ImageLayerGzip, gzip(&tar)?)?);
    }
    let config = configuration(architecture, diff_ids, origin)?;
    let config = Blob::json(MediaType::ImageConfig, &config)?;
    let descriptors = layers.iter().map(|it| it.descriptor.clone());
    let manifest = ImageManifestBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageManifest)
        .config(config.descriptor.clone())
        .layers(descriptors.collect::<Vec<_>>())
        .annotations(labels(origin))
        .build()?;
    let mut manifest = Blob::json(MediaType::ImageManifest, &manifest)?;
    let platform = PlatformBuilder::default()
        .architecture(architecture.oci())
        .os(Os::Linux)
        .build()?;
    manifest.descriptor.set_platform(Some(platform));
    Ok(Built {
        manifest,
        config,
        layers,
    })
}

fn configuration(
    architecture: Architecture,
    diff_ids: Vec<String>,
    origin: &Origin,
) -> Result<ImageConfiguration> {
    let runtime = ConfigBuilder::default()
        .user(format!("{USER}:{USER}"))
        .entrypoint(vec![format!("/{ENTRY_POINT}")])
        .env(vec!["PATH=/usr/bin".to_owned()])
        .working_dir("/")
        .labels(labels(origin))
        .build()?;
    let rootfs = RootFsBuilder::default()
        .typ("layers")
        .diff_ids(diff_ids)
        .build()?;
    Ok(ImageConfigurationBuilder::default()
        .created(origin.time.to_string())
        .architecture(architecture.oci())
        .os(Os::Linux)
        .config(runtime)
        .rootfs(rootfs)
        .history(vec![
            history("the base, from Debian packages", origin)?,
            history("the operator", origin)?,
        ])
        .build()?)
}

/// One layer. Tools show the list of them.
fn history(layer: &str, origin: &Origin) -> Result<History> {
    Ok(HistoryBuilder::default()
        .created(origin.time.to_string())
        .created_by("cargo xtask image")
        .comment(layer)
        .build()?)
}

fn labels(origin: &Origin) -> HashMap<String, String> {
    let labels = [
        ("title", "signet"),
        (
            "description",
            "Signs certificates for a CA whose key Signet never holds",
        ),
        ("licenses", "Apache-2.0"),
        ("version", env!("CARGO_PKG_VERSION")),
        ("revision", &origin.revision),
        ("created", &origin.time.to_string()),
    ];
    let labels = labels.map(|(name, value)| (format!("org.opencontainers.image.{name}"), value));
    HashMap::from(labels.map(|(name, value)| (name, value.to_owned())))
}

/// Without a time and a file name.
pub(crate) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}
