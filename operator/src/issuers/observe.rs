//! Reads an issuer's facts from the API server, from its keys and from the CA above.

use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;
use signet_api::{IssuerKind, IssuerResource};
use signet_core::ca::lifecycle::{KeyState, View};
use signet_core::request::ServiceAccount;
use signet_core::spiffe::TrustDomain;
use signet_keys::{Access, Addresses, BlockingQueue, ErrorClass, KeyError};

use super::Error;
use super::bundle;
use super::decide::key_to_create;
use super::facts::Facts;
use super::generation::Stored;
use super::keys::{KeyReference, KeyReferences, Keys, compare, hint, references};
use super::parents::{self, Answer, ParentRequest};
use super::ready::lifetime;
use super::rotation;
use super::store::{Generations, generations};
use crate::connections::{Connections, Key, Role};
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::metrics::Metrics;
use crate::namespace::IssuerNamespace;
use crate::publish::{self, Observed};

/// Where facts come from, apart from the API server.
pub(super) struct Sources<'a> {
    pub(super) connections: &'a Connections,
    pub(super) metrics: &'a Metrics,
    /// Reads chains and verifies their signatures.
    pub(super) parsing: &'a BlockingQueue,
    pub(super) access: Access,
    pub(super) cert_manager: &'a ServiceAccount,
}

pub(super) async fn observe<K: IssuerResource>(
    object: &K,
    name: &IssuerName,
    may_create_key: bool,
    context: &Context,
) -> Result<Facts, Error> {
    let namespace = context.resource_namespace(name);
    // Before the generations: a bundle that was decided on older ones is not written over a newer one.
    let bundle = publish::observe(name, object.issuer_spec().bundle.as_ref(), context).await;
    let generations = generations(name, namespace, context).await?;
    let sources = Sources {
        connections: &context.connections,
        metrics: &context.metrics,
        parsing: &context.chain_parsing,
        access: access(name, namespace, context),
        cert_manager: &context.settings.cert_manager_service_account,
    };
    let now = (context.now)();
    let mut facts = stored(
        object,
        (name, namespace),
        (generations, bundle),
        &sources,
        now,
    );
    facts.may_create_key = may_create_key;
    complete(&mut facts, &sources).await;
    Ok(facts)
}

/// Returns what is stored about an issuer.
pub(super) fn stored<K: IssuerResource>(
    object: &K,
    (name, namespace): (&IssuerName, &str),
    (generations, bundle): (Generations, Observed),
    sources: &Sources<'_>,
    now: Timestamp,
) -> Facts {
    let (spec, status) = (object.issuer_spec(), object.issuer_status());
    let uid = object.uid().unwrap_or_default();
    let pem = status.and_then(|status| status.bundle.as_deref());
    let pem = pem.unwrap_or_default();
    let in_status = bundle::in_status(pem);
    let mut facts = Facts {
        name: name.clone(),
        uid: uid.clone(),
        rotation: rotation::spec(spec, &uid, None),
        spec: spec.clone(),
        namespace: namespace.to_owned(),
        generations,
        highest_in_status: status
            .and_then(|status| status.ca.iter().map(|ca| ca.generation).max())
            .unwrap_or_default(),
        keys: Keys::default(),
        key_state: KeyState::Unavailable,
        active_key_gone: false,
        key_replaced: false,
        offer: None,
        named: Vec::new(),
        named_roots: Vec::new(),
        names_unknown_roots: false,
        status_roots: bundle::fingerprints(&in_status),
        in_status,
        published: bundle.published(pem),
        bundle,
        may_create_key: true,
        cert_manager: sources.cert_manager.clone(),
        now,
    };
    let active = facts.active().and_then(|active| active.chain.as_ref());
    let ca_lifetime = active.map(lifetime);
    facts.rotation = rotation::spec(spec, &uid, ca_lifetime);
    facts
}

/// Adds what the keys and the CA above have.
pub(super) async fn complete(facts: &mut Facts, sources: &Sources<'_>) {
    observe_keys(facts, sources).await;
    observe_parent(facts, sources).await;
}

async fn observe_keys(facts: &mut Facts, sources: &Sources<'_>) {
    let wanted = {
        let situation = facts.situation();
        references(&View::new(&situation), &facts.generations, &facts.spec)
    };
    let mut keys = connect(&wanted, facts, sources).await;
    let active = facts.active().cloned();
    if let (Some(active), Some(Ok(found))) = (&active, &keys.active)
        && is_on_another_server(active, found, facts)
    {
        // The reference is the same, and the key is not: the recorded server has it.
        let wanted = KeyReferences {
            active: Some(KeyReference {
                config: active.key.config.clone(),
                known: active.pin(),
            }),
            next: wanted.next.or(wanted.active),
        };
        keys = connect(&wanted, facts, sources).await;
    }
    let fingerprint = active
        .as_ref()
        .map(|active| active.key.fingerprint.as_str());
    let compared = compare(&keys, fingerprint, facts.rotation.follows_existing);
    facts.keys = keys;
    facts.key_state = compared.state;
    facts.active_key_gone = compared.active_is_gone;
    facts.key_replaced = compared.is_replaced;
}

fn is_on_another_server(active: &Stored, found: &Key, facts: &Facts) -> bool {
    found.fingerprint() != active.key.fingerprint
        && !facts.rotation.follows_existing
        && hint(&active.key.config) != hint(&facts.spec.key)
}

async fn connect(wanted: &KeyReferences, facts: &Facts, sources: &Sources<'_>) -> Keys {
    let connect = async |role, reference: &Option<KeyReference>| -> Option<Result<Key, KeyError>> {
        let reference = reference.as_ref()?;
        let connections = sources.connections;
        let issuer = (&facts.name, facts.uid.as_str());
        let parameters = (&reference.config, facts.spec.key_limits);
        let creates_key = reference.config == facts.spec.key && key_to_create(facts).is_some();
        let key = connections
            .key(
                issuer,
                role,
                parameters,
                &sources.access,
                &reference.known,
                creates_key,
            )
            .await;
        if let Err(error) = &key
            && !(creates_key && error.class == ErrorClass::KeyNotFound)
        {
            let backend = reference.config.backend().name();
            sources.metrics.key_error(backend, error.class);
        }
        Some(key)
    };
    let keys = Keys {
        active: connect(Role::Active, &wanted.active).await,
        next: connect(Role::Next, &wanted.next).await,
    };
    if wanted.next.is_none() {
        sources.connections.forget_role(&facts.name, Role::Next);
    }
    if wanted.active.is_none() {
        sources.connections.forget_role(&facts.name, Role::Active);
    }
    keys
}

async fn observe_parent(facts: &mut Facts, sources: &Sources<'_>) {
    let answer = match parents::of(&facts.spec) {
        Some(parent) => {
            let requested = facts.next().filter(|next| next.chain.is_none());
            let key = expected_key(facts);
            let trust_domain = facts.spec.spiffe.as_ref();
            let trust_domain =
                trust_domain.and_then(|spiffe| TrustDomain::parse(&spiffe.trust_domain).ok());
            let request = ParentRequest {
                issuer: &facts.name,
                uid: &facts.uid,
                generations: &facts.generations,
                requested,
                keys: &facts.keys,
                key: key.as_deref(),
                trust_domain: trust_domain.as_ref(),
                namespace: &*sources.access.namespace,
                parsing: sources.parsing,
                now: facts.now,
            };
            parent.poll(&request).await
        }
        None => Answer::default(),
    };
    facts.offer = answer.offer;
    facts.names_unknown_roots = answer.named_roots.is_none();
    let (generations, in_status) = (&facts.generations, &facts.in_status);
    facts.named = bundle::named(answer.named_roots, generations, in_status, facts.now);
    facts.named_roots = facts.named.iter().map(Into::into).collect();
}

/// Returns the key that the next certificate is for: that of the spec, or during a rollback the
/// active one.
fn expected_key(facts: &Facts) -> Option<String> {
    let situation = facts.situation();
    if let Some(active) = View::new(&situation).rolled_back() {
        return Some(active.key.clone());
    }
    match &facts.key_state {
        KeyState::Found(key) => Some(key.clone()),
        KeyState::Unavailable => None,
    }
}

fn access(name: &IssuerName, namespace: &str, context: &Context) -> Access {
    let (client, settings) = (context.client.clone(), &context.settings);
    let is_tenants = name.kind == IssuerKind::Issuer;
    let refused = context.api_server.clone().filter(|_| is_tenants);
    Access {
        namespace: Arc::new(IssuerNamespace::new(client, namespace, name)),
        tenant: is_tenants.then(|| name.namespace.clone()),
        ambient_credentials: match is_tenants {
            true => settings.issuer_ambient_credentials,
            false => settings.cluster_issuer_ambient_credentials,
        },
        addresses: match refused {
            Some(api_server) => Addresses::Outside { api_server },
            None => Addresses::Any,
        },
        modules: context.modules.clone(),
        signing: context.signing.clone(),
    }
}
