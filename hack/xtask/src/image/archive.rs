//! Images as one file: a tar archive of an OCI image layout.

use std::collections::HashMap;

use anyhow::Result;
use oci_spec::image::{ImageIndexBuilder, MediaType, OciLayoutBuilder};

use super::build::Blob;
use super::images::Images;
use super::tree::{Node, Tree};

/// Names the image in a layout.
const REFERENCE: &str = "org.opencontainers.image.ref.name";

/// The archive. Its files have no time, so that it is determined by the images.
///
/// # Errors
/// There are none in practice.
pub(super) fn archive(images: &Images) -> Result<Vec<u8>> {
    let mut top = images.top()?.descriptor.clone();
    let reference = (REFERENCE.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    top.set_annotations(Some(HashMap::from([reference])));
    let index = ImageIndexBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageIndex)
        .manifests(vec![top])
        .build()?;
    let layout = OciLayoutBuilder::default()
        .image_layout_version("1.0.0")
        .build()?;
    let file = |bytes: &[u8]| Node::file(bytes, 0o644, 0);
    let mut files = Tree::default();
    files.insert("oci-layout", file(&serde_json::to_vec(&layout)?));
    let index = serde_json::to_value(&index)?;
    files.insert("index.json", file(&serde_json::to_vec(&index)?));
    let of_images = images.all().iter().flat_map(|image| {
        let documents = [&image.manifest, &image.config];
        documents.into_iter().chain(&image.layers)
    });
    for Blob { descriptor, bytes } in images.index().into_iter().chain(of_images) {
        let path = format!("blobs/sha256/{}", descriptor.digest().digest());
        files.insert(path, file(bytes));
    }
    files.tar()
}
