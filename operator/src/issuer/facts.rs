//! What there is to know about an issuer, read from the API server and from its key.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use signet_api::{CAGeneration, IssuerKind, IssuerSpec};
use signet_core::ca::{Bundle, CaCertificate, CaChain, ChainError};
use signet_core::request::ServiceAccount;
use signet_keys::{KeyError, Known, Namespace, Reach, SecretData};

use super::generation::{self, Generation};
use super::{Object, resource_namespace};
use crate::connections::Key;
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::namespace::IssuerNamespace;
use crate::sharing::CaKeys;

/// How many generations are read at a time.
const PAGE: u32 = 50;

/// The facts of one round.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) name: IssuerName,
    pub(super) uid: String,
    pub(super) spec: IssuerSpec,
    /// Where its Secrets and CA generations are.
    pub(super) namespace: String,
    /// Oldest first.
    pub(super) generations: Vec<Generation>,
    /// How many generations there are, with those that have ended.
    pub(super) kept: usize,
    pub(super) key: Result<Key, KeyError>,
    /// The chain that exists over the key.
    pub(super) existing: Option<Result<CaChain, ChainError>>,
    /// Whether a key may be made in this round.
    pub(super) may_make_key: bool,
    pub(super) cert_manager: ServiceAccount,
    pub(super) now: Timestamp,
}

impl Facts {
    /// What the key's reference was resolved to.
    pub(super) fn pin(&self) -> Option<&str> {
        self.key.as_ref().ok().and_then(|key| key.pin.as_deref())
    }

    /// Whether a generation was made over the key that is connected, or over one of its name.
    pub(super) fn is_over_this_key(&self, generation: &Generation) -> bool {
        let (own, spec) = (&generation.key, &self.spec.key);
        match &self.key {
            Ok(key) if key.guard.public_key().fingerprint() == generation.key_fingerprint => true,
            // Where the server was changed as well, it is another key, which is called alike.
            Ok(_) => own.backend().described() == spec.backend().described(),
            Err(_) => own.same_key(spec),
        }
    }

    /// Every root that is trusted now: those of the newest generation first, and those of older ones
    /// until no certificate under them can be valid any more.
    pub(super) fn bundle(&self) -> Bundle {
        let newest_first = self.generations.iter().rev();
        let chains = newest_first.filter_map(|generation| generation.chain.as_ref().ok());
        Bundle::new(chains, self.now)
    }

    /// The keys of every CA under which its certificates may still be valid.
    pub(super) fn ca_keys(&self) -> CaKeys {
        let alive = self.generations.iter().filter(|ca| ca.is_alive(self.now));
        let chains: Vec<_> = alive.filter_map(|ca| ca.chain.as_ref().ok()).collect();
        CaKeys {
            has_trust_domain: self.spec.spiffe.is_some(),
            path: fingerprints(chains.iter().flat_map(|chain| chain.path())),
            roots: fingerprints(chains.iter().flat_map(|chain| chain.roots())),
        }
    }

    /// An error of the key that may pass by itself.
    pub(super) fn transient_key_error(&self) -> Option<&KeyError> {
        self.key
            .as_ref()
            .err()
            .filter(|error| error.class.is_transient())
    }
}

fn fingerprints<'a>(certificates: impl Iterator<Item = &'a CaCertificate>) -> BTreeSet<String> {
    certificates
        .map(|certificate| certificate.public_key().fingerprint())
        .collect()
}

/// Learns the facts.
///
/// The generations are read from the API server and not from a cache: that there is none decides
/// whether a key may be made.
pub(super) async fn learn<K: Object>(
    object: &K,
    name: &IssuerName,
    may_make_key: bool,
    context: &Context,
) -> Result<Facts, super::Error> {
    let spec = object.issuer_spec().clone();
    let namespace = resource_namespace(name, context).to_owned();
    let (generations, kept) = {
        // Until they are parsed: what was read and waits for that takes memory.
        let _turn = context.reads.acquire(&name.namespace).await;
        generations(name, &namespace, context).await?
    };
    let uid = object.uid().unwrap_or_default();
    let reach = reach(name, &namespace, context);
    let ca = valid_over_this_key(&generations, &spec, (context.now)());
    let known = Known {
        pin: ca.and_then(|ca| ca.pin.clone()),
        fingerprint: ca.map(|ca| ca.key_fingerprint.clone()),
        refused: object
            .issuer_status()
            .and_then(|status| status.refused_credential.clone()),
    };
    let connections = &context.connections;
    let key = connections.key((name, &uid), &spec, &reach, &known).await;
    if let Err(error) = &key {
        let backend = spec.key.backend().name();
        context.metrics.key_error(backend, error.class);
    }
    // The key alone is not enough where its chain cannot be read, and the status says why.
    let (key, existing) = match key {
        Ok(key) => match existing(&spec, &key, &reach, context).await {
            Ok(existing) => (Ok(key), existing),
            Err(error) => (Err(error), None),
        },
        Err(error) => (Err(error), None),
    };
    Ok(Facts {
        name: name.clone(),
        uid,
        spec,
        namespace,
        generations,
        kept,
        key,
        existing,
        may_make_key,
        cert_manager: context.settings.cert_manager.clone(),
        now: (context.now)(),
    })
}

/// The generations that matter (those whose certificates may still be valid, and the last one),
/// and how many there are.
///
/// They are read page by page, since an issuer may have many that have ended, and each may be
/// large.
async fn generations(
    name: &IssuerName,
    namespace: &str,
    context: &Context,
) -> Result<(Vec<Generation>, usize), super::Error> {
    let api: Api<CAGeneration> = Api::namespaced(context.client.clone(), namespace);
    let mine = format!(
        "spec.issuerRef.kind={},spec.issuerRef.name={}",
        name.kind, name.name
    );
    let mut page = ListParams::default().fields(&mine).limit(PAGE);
    let mut objects: Vec<CAGeneration> = Vec::new();
    let mut kept = 0;
    loop {
        let listed = api.list(&page).await?;
        kept += listed.items.len();
        objects.extend(listed.items);
        let last = objects.iter().map(|object| object.spec.generation).max();
        let now = (context.now)();
        objects
            .retain(|object| Some(object.spec.generation) == last || now < object.spec.not_after.0);
        match listed.metadata.continue_ {
            Some(token) if !token.is_empty() => page = page.continue_token(&token),
            _ => break,
        }
    }
    let read = move || {
        let mut generations: Vec<_> = objects.iter().map(generation::read).collect();
        generations.sort_by_key(|generation| generation.number);
        generations
    };
    let generations = context.chain_reading.of(&name.namespace, read).await?;
    Ok((generations, kept))
}

/// What the key of an issuer may reach.
fn reach(name: &IssuerName, namespace: &str, context: &Context) -> Reach {
    let settings = &context.settings;
    let client = context.client.clone();
    Reach {
        namespace: Arc::new(IssuerNamespace::new(client, namespace, name)),
        tenant: (name.kind == IssuerKind::Issuer).then(|| name.namespace.clone()),
        ambient_credentials: settings.ambient_credentials(name.kind),
        addresses: settings.addresses(name.kind),
        modules: settings.modules.clone(),
    }
}

/// The last CA that is valid over the key of this reference.
fn valid_over_this_key<'a>(
    generations: &'a [Generation],
    spec: &IssuerSpec,
    now: Timestamp,
) -> Option<&'a Generation> {
    let mut newest_first = generations.iter().rev();
    newest_first.find(|ca| ca.key.same_key(&spec.key) && ca.is_alive(now))
}

/// The chain that exists over the key, where the spec says that one does.
async fn existing(
    spec: &IssuerSpec,
    key: &Key,
    reach: &Reach,
    context: &Context,
) -> Result<Option<Result<CaChain, ChainError>>, KeyError> {
    let namespace = &*reach.namespace;
    let Some(existing) = &spec.certificate.existing else {
        return Ok(None);
    };
    let data = match (&existing.secret_name, &existing.config_map_name) {
        (Some(name), _) => namespace.secret(name).await?.unwrap_or_default(),
        (None, Some(name)) => in_config_map(namespace, name).await?,
        (None, None) => match &key.beside {
            Some(data) => data.clone(),
            None => return Ok(None),
        },
    };
    let read = move || {
        let tls_crt = data.get("tls.crt").unwrap_or_default();
        CaChain::from_pem(tls_crt, data.get("ca.crt"))
    };
    let tenant = reach.tenant.as_deref().unwrap_or_default();
    let chain = context.chain_reading.of(tenant, read).await;
    Ok(Some(chain.unwrap_or_else(|_| {
        let message = "reading it failed; the operator's log says why".to_owned();
        Err(ChainError::Unreadable { index: 1, message })
    })))
}

async fn in_config_map(namespace: &dyn Namespace, name: &str) -> Result<SecretData, KeyError> {
    let map = namespace.config_map(name).await?.unwrap_or_default();
    let bytes = map
        .into_iter()
        .map(|(key, value)| (key, value.into_bytes()));
    Ok(bytes.collect())
}
