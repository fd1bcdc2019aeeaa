//! Signatures that `cosign verify --key` and `cosign verify-blob --key` accept, without a
//! transparency log.

mod key;

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use oci_spec::image::{
    Arch, Descriptor, ImageConfiguration, ImageConfigurationBuilder, ImageManifest,
    ImageManifestBuilder, MediaType, Os, RootFsBuilder,
};
use serde_json::json;

use super::build::{Blob, Built};
pub(crate) use key::Key;

/// What cosign calls the payload, and where it looks for the signature.
const PAYLOAD_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// The tag under which cosign looks for signatures of an image.
pub(super) fn tag(digest: &str) -> String {
    format!("{}.sig", digest.replace(':', "-"))
}

/// Signs an image. Its signatures are an image, too, in which each layer is the signed payload, with a
/// signature of one key. `earlier` is the manifest of those that exist, which stay, as with cosign.
/// Returns none if one is this key's.
///
/// # Errors
/// Those of [`Key::sign`], or `earlier` is not a manifest.
pub(super) fn signatures(
    digest: &str,
    repository: &str,
    key: &Key,
    earlier: Option<&[u8]>,
) -> Result<Option<Built>> {
    ensure!(digest.starts_with("sha256:"), "{digest} is not a SHA-256");
    let payload = payload(digest, repository)?;
    let mut layer = Blob::new(MediaType::Other(PAYLOAD_TYPE.to_owned()), payload)?;
    let mut layers = match earlier {
        Some(manifest) => layers(manifest)?,
        None => Vec::new(),
    };
    let mut of_payload = layers.iter();
    let is_signed = of_payload.any(|it| {
        let signature = it.annotations().as_ref().and_then(|it| it.get(SIGNATURE));
        it.digest() == layer.descriptor.digest()
            && signature.is_some_and(|it| key.has_signed(&layer.bytes, it))
    });
    if is_signed {
        return Ok(None);
    }
    let signature = (SIGNATURE.to_owned(), key.sign(&layer.bytes)?);
    let annotations = HashMap::from([signature]);
    layer.descriptor.set_annotations(Some(annotations));
    layers.push(layer.descriptor.clone());
    let config = Blob::json(MediaType::ImageConfig, &configuration(&layers)?)?;
    let manifest = ImageManifestBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageManifest)
        .config(config.descriptor.clone())
        .layers(layers)
        .build()?;
    Ok(Some(Built {
        manifest: Blob::json(MediaType::ImageManifest, &manifest)?,
        config,
        layers: vec![layer],
    }))
}

fn payload(digest: &str, repository: &str) -> Result<Vec<u8>> {
    let payload = json!({
        "critical": {
            "identity": { "docker-reference": repository },
            "image": { "docker-manifest-digest": digest },
            "type": "cosign container image signature",
        },
        "optional": null,
    });
    Ok(serde_json::to_vec(&payload)?)
}

fn layers(manifest: &[u8]) -> Result<Vec<Descriptor>> {
    let manifest = ImageManifest::from_reader(manifest);
    let manifest = manifest.context("what has the signature's tag is not a signature")?;
    Ok(manifest.layers().clone())
}

fn configuration(layers: &[Descriptor]) -> Result<ImageConfiguration> {
    let diff_ids = layers.iter().map(|layer| layer.digest().to_string());
    let rootfs = RootFsBuilder::default()
        .typ("layers")
        .diff_ids(diff_ids.collect::<Vec<_>>())
        .build()?;
    Ok(ImageConfigurationBuilder::default()
        .architecture(Arch::Other(String::new()))
        .os(Os::Other(String::new()))
        .rootfs(rootfs)
        .build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_made_of_the_digest() {
        assert_eq!(tag("sha256:00ff"), "sha256-00ff.sig");
    }
}
