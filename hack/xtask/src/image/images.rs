//! The images of one version, one for each architecture.

use anyhow::{Context, Result};
use oci_spec::image::{ImageIndexBuilder, MediaType};

use super::build::{Blob, Built};

/// Images, and what a tag refers to: the only one, or an index of several, from which a container
/// engine chooses its own.
#[derive(Debug)]
pub(super) struct Images {
    images: Vec<Built>,
    index: Option<Blob>,
}

impl Images {
    /// # Errors
    /// There is none.
    pub(super) fn new(images: Vec<Built>) -> Result<Self> {
        let manifests = images.iter().map(|image| image.manifest.descriptor.clone());
        let index = match images.len() {
            0 => anyhow::bail!("no image"),
            1 => None,
            _ => {
                let index = ImageIndexBuilder::default()
                    .schema_version(2_u32)
                    .media_type(MediaType::ImageIndex)
                    .manifests(manifests.collect::<Vec<_>>())
                    .build()?;
                Some(Blob::json(MediaType::ImageIndex, &index)?)
            }
        };
        Ok(Self { images, index })
    }

    /// One image of each architecture.
    pub(super) fn all(&self) -> &[Built] {
        &self.images
    }

    /// The index, if there is one.
    pub(super) fn index(&self) -> Option<&Blob> {
        self.index.as_ref()
    }

    /// What a tag refers to.
    ///
    /// # Errors
    /// There are none in practice: there is an image.
    pub(super) fn top(&self) -> Result<&Blob> {
        let only = self.images.first().map(|image| &image.manifest);
        self.index.as_ref().or(only).context("no image")
    }

    /// The digests that users may refer to, that of the tag first.
    pub(super) fn digests(&self) -> Vec<String> {
        let manifests = self.images.iter().map(|image| &image.manifest);
        let blobs = self.index.iter().chain(manifests);
        blobs.map(|it| it.descriptor.digest().to_string()).collect()
    }
}
