//! Pushing images to a registry.

use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::{IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

use super::build::{Blob, Built};
use super::images::Images;

/// The environment variables of a login.
const USERNAME: &str = "REGISTRY_USERNAME";
const PASSWORD: &str = "REGISTRY_PASSWORD";

/// A repository of a registry, with a login.
pub(super) struct Repository {
    client: Client,
    auth: RegistryAuth,
    /// The repository, and the tag of the images.
    reference: Reference,
}

impl Repository {
    /// `reference` is like `registry.example.org/signet:0.1.0`; the default tag is the version. The
    /// login is in the environment. A registry on loopback is called without TLS, as by other tools.
    ///
    /// # Errors
    /// The reference is invalid, or names a digest.
    pub(super) fn new(reference: &str) -> Result<Self> {
        let reference = parse(reference)?;
        let protocol = if is_loopback(reference.registry()) {
            ClientProtocol::HttpsExcept(vec![reference.registry().to_owned()])
        } else {
            ClientProtocol::Https
        };
        let configuration = ClientConfig {
            protocol,
            user_agent: "signet-xtask",
            ..ClientConfig::default()
        };
        Ok(Self {
            client: Client::try_from(configuration)?,
            auth: auth()?,
            reference,
        })
    }

    /// Registry and repository, which is what a signature names.
    pub(super) fn name(&self) -> String {
        let (registry, repository) = (self.reference.registry(), self.reference.repository());
        format!("{registry}/{repository}")
    }

    /// Pushes the images under the tag: first what an index refers to, which a registry wants to
    /// have, then the index.
    ///
    /// # Errors
    /// The registry refuses it, or has something else under the tag afterwards.
    pub(super) async fn push(&self, images: &Images) -> Result<()> {
        for image in images.all() {
            let digest = image.manifest.descriptor.digest().to_string();
            let (registry, repository) = (self.reference.registry(), self.reference.repository());
            let to = Reference::with_digest(registry.to_owned(), repository.to_owned(), digest);
            self.push_as(image, &to).await?;
        }
        let sent = self.send_manifest(images.top()?, &self.reference).await;
        sent.with_context(|| format!("cannot push to {}", self.reference))
    }

    /// Pushes an image under another tag of the repository.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    pub(super) async fn push_tagged(&self, image: &Built, tag: &str) -> Result<()> {
        self.push_as(image, &self.tagged(tag)).await
    }

    /// The manifest under a tag of the repository, if there is one.
    ///
    /// # Errors
    /// The registry does not answer the question.
    pub(super) async fn manifest(&self, tag: &str) -> Result<Option<Vec<u8>>> {
        let from = self.tagged(tag);
        let accepted = [OCI_IMAGE_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE];
        let pulled = self.client.pull_manifest_raw(&from, &self.auth, &accepted);
        match pulled.await {
            Ok((bytes, _)) => Ok(Some(bytes.to_vec())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {from}")),
        }
    }

    fn tagged(&self, tag: &str) -> Reference {
        let (registry, repository) = (self.reference.registry(), self.reference.repository());
        Reference::with_tag(registry.to_owned(), repository.to_owned(), tag.to_owned())
    }

    async fn push_as(&self, image: &Built, to: &Reference) -> Result<()> {
        let pushed = self.send(image, to).await;
        pushed.with_context(|| format!("cannot push to {to}"))
    }

    async fn send(&self, image: &Built, to: &Reference) -> Result<()> {
        let registry = to.resolve_registry();
        self.client.store_auth_if_needed(registry, &self.auth).await;
        for blob in image.layers.iter().chain([&image.config]) {
            let digest = blob.descriptor.digest().to_string();
            if !self.client.blob_exists(to, &digest).await? {
                let pushed = self.client.push_blob(to, blob.bytes.clone(), &digest);
                pushed.await?;
            }
        }
        self.send_manifest(&image.manifest, to).await
    }

    async fn send_manifest(&self, manifest: &Blob, to: &Reference) -> Result<()> {
        let content_type = manifest.descriptor.media_type().to_string();
        let bytes = manifest.bytes.clone();
        let pushed = self
            .client
            .push_manifest_raw(to, bytes, content_type.parse()?);
        pushed.await?;
        let found = self.client.fetch_manifest_digest(to, &self.auth).await?;
        let digest = manifest.descriptor.digest().to_string();
        ensure!(
            found == digest,
            "the registry has {found} instead of {digest}"
        );
        Ok(())
    }
}

fn is_absent(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_)
        | OciDistributionError::ServerError { code: 404, .. } => true,
        OciDistributionError::RegistryError { envelope, .. } => {
            let mut errors = envelope.errors.iter();
            errors.any(|it| {
                matches!(
                    it.code,
                    OciErrorCode::ManifestUnknown | OciErrorCode::NotFound
                )
            })
        }
        _ => false,
    }
}

fn parse(text: &str) -> Result<Reference> {
    let name = text.rsplit('/').next().unwrap_or(text);
    let full = if name.contains([':', '@']) {
        text.to_owned()
    } else {
        format!("{text}:{}", env!("CARGO_PKG_VERSION"))
    };
    let reference: Reference = full
        .parse()
        .with_context(|| format!("{text} is not like registry.example.org/signet:0.1.0"))?;
    ensure!(
        reference.digest().is_none(),
        "{text} has a digest; an image is pushed under a tag"
    );
    Ok(reference)
}

fn is_loopback(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    host == "localhost" || address.is_ok_and(|it| it.is_loopback())
}

fn auth() -> Result<RegistryAuth> {
    let variable = |name| std::env::var(name).ok().filter(|it| !it.is_empty());
    match (variable(USERNAME), variable(PASSWORD)) {
        (Some(username), Some(password)) => Ok(RegistryAuth::Basic(username, password)),
        (None, None) => Ok(RegistryAuth::Anonymous),
        _ => anyhow::bail!("set both {USERNAME} and {PASSWORD}, or neither"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_tag_is_the_version() {
        let version = env!("CARGO_PKG_VERSION");
        for (text, expected) in [
            ("registry.example.org/signet", version),
            ("127.0.0.1:5000/team/signet", version),
            ("registry.example.org/signet:next", "next"),
        ] {
            assert_eq!(parse(text).unwrap().tag(), Some(expected), "{text}");
        }
        let digest = format!("registry.example.org/signet@sha256:{}", "0".repeat(64));
        for text in [&digest, "Registry/Signet", ""] {
            parse(text).unwrap_err();
        }
    }

    #[test]
    fn only_loopback_is_called_without_tls() {
        for (registry, expected) in [
            ("127.0.0.1:5000", true),
            ("localhost:5000", true),
            ("registry.example.org", false),
            ("localhost.example.org:5000", false),
            ("10.0.0.1:5000", false),
        ] {
            assert_eq!(is_loopback(registry), expected, "{registry}");
        }
    }
}
