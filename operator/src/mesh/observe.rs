//! Reads the objects of a mesh, and the keys of its CAs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::core::ObjectMeta;
use signet_api::MeshCASpec;
use signet_core::ca::CaCertificate;
use signet_core::mesh::rollout::Seen;
use signet_core::mesh::secret::{
    Contents, Entries, Existing, Mesh, Objects, RootsFile, SecretError, istio,
};

use super::adoption::Adoptable;
use super::holder::{Holder, is_of_helm};
use super::keys::{Keys, NewKey, secret_name};
use super::names::{Names, format};
use crate::context::Context;
use crate::deadline::queued;
use crate::issuer_name::IssuerName;
use crate::writer::ObjectVersion;

/// When Signet last changed the mesh's objects, and when it last put back roots.
pub(super) const WRITTEN: &str = "signet.dev/written-at";
pub(super) const PUT_BACK: &str = "signet.dev/roots-put-back-at";

/// What was observed of a mesh.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    pub(super) names: Names,
    pub(crate) mesh: Mesh,
    pub(super) adopts: bool,
    pub(super) propagation: Duration,
    pub(super) longest_leaf: Duration,
    pub(super) secret: Option<Found>,
    pub(super) config_map: Option<Found>,
    /// What the mesh reads; none if its objects have nothing.
    pub(super) contents: Result<Option<Existing>, SecretError>,
    /// The roots that the mesh shows it has loaded.
    pub(super) loaded: Option<RootsFile>,
    pub(crate) keys: Keys,
    /// The CA that is to be taken over, if the spec says so.
    pub(crate) adoptable: Option<Result<Adoptable, SecretError>>,
}

/// An object that exists.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) version: ObjectVersion,
    pub(super) holder: Holder,
    pub(super) is_of_helm: bool,
    pub(super) written: Option<Timestamp>,
    pub(super) put_back: Option<Timestamp>,
}

impl Found {
    fn new(meta: ObjectMeta, is_empty: bool, mesh_ca: &IssuerName) -> Self {
        let time = |key| meta.annotations.as_ref()?.get(key)?.parse().ok();
        Self {
            is_of_helm: is_of_helm(&meta),
            holder: Holder::of(&meta, is_empty, mesh_ca),
            written: time(WRITTEN),
            put_back: time(PUT_BACK),
            version: ObjectVersion {
                uid: meta.uid.unwrap_or_default(),
                resource_version: meta.resource_version.unwrap_or_default(),
            },
        }
    }
}

/// Reads everything that concerns the mesh of a MeshCA.
pub(crate) async fn observe(
    spec: &MeshCASpec,
    mesh_ca: &IssuerName,
    context: &Context,
) -> Result<Observed, kube::Error> {
    // A tenant may have a thousand MeshCAs, each with such objects of 1 MiB.
    let _permit = queued(context.reads.acquire(&mesh_ca.namespace)).await;
    let reader = Reader { mesh_ca, context };
    let names = Names::of(&spec.mesh);
    let (found, entries) = reader.secret(&secret_name(&mesh_ca.name)).await?;
    let keys = Keys {
        found,
        entries,
        adopts: spec.adopt,
    };
    let (secret, entries) = reader.secret(&names.secret).await?;
    let (config_map, data) = match &names.config_map {
        Some(name) => reader.config_map(name).await?,
        None => (None, BTreeMap::new()),
    };
    let loaded = match names.loaded {
        Some((name, entry)) => reader.config_map(name).await?.1.remove(entry),
        None => None,
    };
    let mesh = format(&spec.mesh, &entries);
    let objects = Objects {
        secret: entries,
        config_map: data,
    };
    let read = reader.contents(mesh.clone(), objects, loaded).await;
    let mut observed = Observed {
        mesh,
        adopts: spec.adopt,
        propagation: spec.propagation.0,
        longest_leaf: spec.longest_lifetime(),
        secret,
        config_map,
        contents: read.0,
        loaded: read.1,
        keys,
        adoptable: None,
        names,
    };
    observed.adoptable = adoptable(&observed, &reader).await?;
    Ok(observed)
}

/// Returns the CA that the mesh has from before; none unless the spec adopts it.
async fn adoptable(
    observed: &Observed,
    reader: &Reader<'_>,
) -> Result<Option<Result<Adoptable, SecretError>>, kube::Error> {
    if !observed.adopts || observed.refusal().is_some() {
        return Ok(None);
    }
    let contents = match (&observed.contents, observed.names.self_signed) {
        (Ok(Some(existing)), _) => Ok(Some(existing.contents.clone())),
        (Ok(None), Some(name)) => {
            let (_, entries) = reader.secret(name).await?;
            reader.self_signed(entries).await
        }
        (Ok(None), None) | (Err(_), _) => Ok(None),
    };
    Ok(match contents {
        Ok(Some(contents)) => Some(reader.adoptable(contents).await),
        Ok(None) => None,
        Err(error) => Some(Err(error)),
    })
}

impl Observed {
    /// Returns why Signet does not touch one of the mesh's objects; none if it may.
    pub(super) fn refusal(&self) -> Option<String> {
        let secret = ("Secret", Some(&self.names.secret), &self.secret);
        let config_map = (
            "ConfigMap",
            self.names.config_map.as_ref(),
            &self.config_map,
        );
        let mut objects = [secret, config_map].into_iter();
        objects.find_map(|(kind, name, found)| {
            let (name, found) = (name?, found.as_ref()?);
            if self.names.refuses_helm && found.is_of_helm {
                return Some(format!(
                    "the {kind} {name} belongs to Helm; install Linkerd with identity.externalCA: true \
                     and identity.issuer.scheme: kubernetes.io/tls, with which its chart has no such \
                     object"
                ));
            }
            let refusal = found.holder.refusal(self.adopts)?;
            Some(format!("the {kind} {name} {refusal}"))
        })
    }

    /// Whether Signet has written the roots for Linkerd, and only the Secret is missing: the operator
    /// ended or had no permission between its two writes, or someone deleted the Secret.
    pub(super) fn lacks_secret(&self) -> bool {
        let config_map = self.config_map.as_ref();
        let is_own = config_map.is_some_and(|it| it.holder == Holder::Own);
        is_own && matches!(self.contents, Err(SecretError::RootsWithoutCa))
    }

    /// Whether the mesh has a CA that Signet wrote.
    pub(super) fn is_own(&self) -> bool {
        let secret = self.secret.as_ref();
        secret.is_some_and(|it| it.holder == Holder::Own) && matches!(self.contents, Ok(Some(_)))
    }

    /// Whether the CA that istiod created itself is taken over.
    pub(super) fn is_taken_from_istiod(&self) -> bool {
        self.adoptable.is_some() && matches!(self.contents, Ok(None))
    }

    /// Returns the fingerprints of the roots that the mesh has loaded, in the order of its file.
    pub(super) fn loaded_roots(&self, now: Timestamp) -> Vec<String> {
        let seen = self.seen(now);
        let written = seen.existing.map(|existing| &existing.contents.roots);
        let roots = match (&self.loaded, written) {
            (Some(loaded), _) => loaded.certificates().collect::<Vec<_>>(),
            (None, Some(written)) => {
                let loaded = written.certificates().filter(|root| seen.has_loaded(root));
                loaded.collect()
            }
            (None, None) => Vec::new(),
        };
        let fingerprints = roots.into_iter().map(CaCertificate::fingerprint);
        fingerprints.map(hex::encode).collect()
    }

    /// Returns what is known of the mesh.
    pub(super) fn seen(&self, now: Timestamp) -> Seen<'_> {
        let secret = self.secret.as_ref();
        Seen {
            mesh: &self.mesh,
            existing: self.contents.as_ref().ok().and_then(Option::as_ref),
            loaded: self.loaded.as_ref(),
            written: secret.and_then(|it| it.written),
            put_back: secret.and_then(|it| it.put_back),
            propagation: self.propagation,
            longest_leaf: self.longest_leaf,
            now,
        }
    }

    /// Returns the fingerprints of those of the roots that the mesh has loaded. Until it has a first
    /// CA, nothing has to load them.
    pub(crate) fn loaded_of(
        &self,
        roots: &[CaCertificate],
        has_ca: bool,
        now: Timestamp,
    ) -> BTreeSet<String> {
        let seen = self.seen(now);
        let loaded = roots.iter().filter(|root| !has_ca || seen.has_loaded(root));
        loaded.map(|root| hex::encode(root.fingerprint())).collect()
    }
}

/// Reads objects in the namespace of a MeshCA.
struct Reader<'a> {
    mesh_ca: &'a IssuerName,
    context: &'a Context,
}

impl Reader<'_> {
    async fn secret(&self, name: &str) -> Result<(Option<Found>, Entries), kube::Error> {
        let (client, namespace) = (self.context.client.clone(), &self.mesh_ca.namespace);
        let api: Api<Secret> = Api::namespaced(client, namespace);
        let Some(secret) = api.get_opt(name).await? else {
            return Ok((None, Entries::default()));
        };
        let data = secret.data.unwrap_or_default().into_iter();
        let entries: Entries = data.map(|(key, ByteString(value))| (key, value)).collect();
        let is_empty = entries.iter().all(|(_, value)| value.is_empty());
        let found = Found::new(secret.metadata, is_empty, self.mesh_ca);
        Ok((Some(found), entries))
    }

    async fn config_map(
        &self,
        name: &str,
    ) -> Result<(Option<Found>, BTreeMap<String, String>), kube::Error> {
        let (client, namespace) = (self.context.client.clone(), &self.mesh_ca.namespace);
        let api: Api<ConfigMap> = Api::namespaced(client, namespace);
        let Some(map) = api.get_opt(name).await? else {
            return Ok((None, BTreeMap::new()));
        };
        let data = map.data.unwrap_or_default();
        let is_empty = data.values().all(String::is_empty);
        Ok((Some(Found::new(map.metadata, is_empty, self.mesh_ca)), data))
    }

    /// Reads what a mesh reads. What it shows and cannot be read counts as not shown.
    async fn contents(
        &self,
        mesh: Mesh,
        objects: Objects,
        loaded: Option<String>,
    ) -> (Result<Option<Existing>, SecretError>, Option<RootsFile>) {
        let now = (self.context.now)();
        let read = move || {
            let loaded = loaded.and_then(|file| RootsFile::read(file.as_bytes()).ok());
            (mesh.read(&objects, now), loaded)
        };
        let read = self.parse(read).await;
        read.unwrap_or((Err(SecretError::Unreadable), None))
    }

    /// Reads the CA that istiod created itself.
    async fn self_signed(&self, entries: Entries) -> Result<Option<Contents>, SecretError> {
        let now = (self.context.now)();
        let read = move || istio::read_self_signed(&entries, now);
        let read = self.parse(read).await;
        read.unwrap_or(Err(SecretError::Unreadable))
    }

    /// Reads a CA that is to be taken over. Without its own key, or with one that Signet does not use,
    /// it would never be found again.
    async fn adoptable(&self, contents: Contents) -> Result<Adoptable, SecretError> {
        let now = (self.context.now)();
        let read = move || Adoptable::of(&contents, now);
        let read = self.parse(read).await;
        let adoptable = read.unwrap_or(Err(SecretError::Unreadable))?;
        match self.can_sign_with(&adoptable.key).await {
            true => Ok(adoptable),
            false => Err(SecretError::OtherKey),
        }
    }

    /// Reads certificates in the namespace's own turn: a forged file may take long to read. None if the
    /// reader panics.
    async fn parse<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let parsing = &self.context.chain_parsing;
        queued(parsing.run(&self.mesh_ca.namespace, read))
            .await
            .ok()
    }

    async fn can_sign_with(&self, key: &NewKey) -> bool {
        let entry = (key.entry.clone(), key.pem.to_vec());
        let keys = Keys {
            entries: Entries::from_iter([entry]),
            ..Keys::default()
        };
        let (name, loading) = (key.entry.clone(), &self.context.key_loading);
        let read = keys.public_keys(vec![name], &self.mesh_ca.namespace, loading);
        !read.await.is_empty()
    }
}
