//! Signatures that `cosign verify --key` and `cosign verify-blob --key` accept, without a
//! transparency log.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use oci_spec::image::{
    Arch, ImageConfigurationBuilder, ImageManifestBuilder, MediaType, Os, RootFsBuilder,
};
use serde_json::json;

use super::build::{Blob, Built};

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// What cosign calls the payload, and where it looks for the signature.
const PAYLOAD_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// A private key. It is not printed.
pub(crate) struct Key(EcdsaKeyPair);

impl Key {
    /// # Errors
    /// The file cannot be read, or is not a P-256 key in PKCS#8.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("cannot use the key {}", path.display()))
    }

    fn parse(pem: &str) -> Result<Self> {
        let body = pem.trim().strip_prefix(PEM_BEGIN);
        let body = body.and_then(|it| it.strip_suffix(PEM_END)).context(
            "it does not begin with BEGIN PRIVATE KEY; a P-256 key in PKCS#8, without a \
             password, is needed",
        )?;
        let body: String = body.split_whitespace().collect();
        let der = BASE64_STANDARD.decode(body).context("invalid base64")?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der);
        let pair = pair.ok().context("it is not a P-256 key in PKCS#8")?;
        Ok(Self(pair))
    }

    /// The base64 of an ASN.1 ECDSA signature over the SHA-256 of `bytes`.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Result<String> {
        let signature = self.0.sign(&SystemRandom::new(), bytes).ok();
        let signature = signature.context("cannot sign")?;
        Ok(BASE64_STANDARD.encode(signature.as_ref()))
    }
}

/// The tag under which cosign looks for signatures of an image.
pub(super) fn tag(digest: &str) -> String {
    format!("{}.sig", digest.replace(':', "-"))
}

/// The signature of an image, as an image whose only layer is the signed payload.
///
/// # Errors
/// Those of [`Key::sign`].
pub(super) fn signature(digest: &str, repository: &str, key: &Key) -> Result<Built> {
    ensure!(digest.starts_with("sha256:"), "{digest} is not a SHA-256");
    let payload = json!({
        "critical": {
            "identity": { "docker-reference": repository },
            "image": { "docker-manifest-digest": digest },
            "type": "cosign container image signature",
        },
        "optional": null,
    });
    let payload = serde_json::to_vec(&payload)?;
    let signature = (SIGNATURE.to_owned(), key.sign(&payload)?);
    let mut layer = Blob::new(MediaType::Other(PAYLOAD_TYPE.to_owned()), payload)?;
    let rootfs = RootFsBuilder::default()
        .typ("layers")
        .diff_ids(vec![layer.descriptor.digest().to_string()])
        .build()?;
    let config = ImageConfigurationBuilder::default()
        .architecture(Arch::Other(String::new()))
        .os(Os::Other(String::new()))
        .rootfs(rootfs)
        .build()?;
    let config = Blob::json(MediaType::ImageConfig, &config)?;
    let annotations = HashMap::from([signature]);
    layer.descriptor.set_annotations(Some(annotations));
    let manifest = ImageManifestBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageManifest)
        .config(config.descriptor.clone())
        .layers(vec![layer.descriptor.clone()])
        .build()?;
    Ok(Built {
        manifest: Blob::json(MediaType::ImageManifest, &manifest)?,
        config,
        layers: vec![layer],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_what_is_not_a_p256_key_in_pkcs8() {
        for pem in [
            "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAA==\n\
             -----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n",
            "",
        ] {
            assert!(Key::parse(pem).is_err(), "{pem}");
        }
    }

    #[test]
    fn the_tag_is_made_of_the_digest() {
        assert_eq!(tag("sha256:00ff"), "sha256-00ff.sig");
    }
}
