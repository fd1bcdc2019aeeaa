//! Reads an issuer's facts from the API server, from its keys and from the CA above.

mod keys;
mod parent;
mod sources;

use std::borrow::Cow;

use jiff::Timestamp;
use kube::ResourceExt;
use signet_api::{IssuerResource, IssuerSpec};
use signet_core::ca::CaCertificate;
use signet_core::ca::lifecycle::KeyState;

use super::Error;
use super::bundle;
use super::creation::{self, Traces};
use super::facts::Facts;
use super::keys::Keys;
use super::mesh_keys;
use super::ready::lifetime;
use super::roots::Roots;
use super::rotation;
use super::store::{Generations, generations};
use crate::context::Context;
use crate::deadline::queued;
use crate::issuer_name::IssuerName;
use crate::mesh;
use crate::publish::{self, Observed};

use keys::{made_for_issuer, observe_keys};
pub(super) use parent::parent_request;
use parent::{observe_parent, observe_roots};
pub(super) use sources::Sources;

pub(super) async fn observe<K: IssuerResource>(
    object: &K,
    name: &IssuerName,
    may_create_key: bool,
    context: &Context,
) -> Result<Facts, Error> {
    let namespace = context.resource_namespace(name);
    // Before the generations: a bundle that was decided on older ones is not written over a newer one.
    let bundle = publish::observe(name, Some(&object.issuer_spec()), context).await;
    let generations = generations(name, namespace, context).await?;
    let sources = Sources::of(name, namespace, context);
    let now = (context.now)();
    let (mesh, spec) = mesh(object, name, &generations, context).await?;
    let mut facts = stored(
        (object, spec),
        (name, namespace),
        (generations, bundle),
        &sources,
        now,
    );
    facts.set_mesh(mesh);
    facts.may_create_key = may_create_key;
    facts.traces.key_made_for = made_for_issuer(&facts, context).await?;
    complete(&mut facts, &sources).await;
    Ok(facts)
}

/// Observes the mesh of a MeshCA. Which key its spec is about depends on those that exist.
async fn mesh<'a, K: IssuerResource>(
    object: &'a K,
    name: &IssuerName,
    generations: &Generations,
    context: &Context,
) -> Result<(Option<mesh::Observed>, Cow<'a, IssuerSpec>), Error> {
    let Some(spec) = object.mesh() else {
        return Ok((None, object.issuer_spec()));
    };
    let observed = mesh::observe(spec, name, context).await?;
    let entry = mesh_keys::chosen(spec, &observed, generations, name, context).await;
    let spec = spec.issuer_spec(&name.name, entry.as_deref());
    Ok((Some(observed), Cow::Owned(spec)))
}

/// Returns what is stored about an issuer.
pub(super) fn stored<K: IssuerResource>(
    (object, spec): (&K, Cow<'_, IssuerSpec>),
    (name, namespace): (&IssuerName, &str),
    (generations, bundle): (Generations, Observed),
    sources: &Sources<'_>,
    now: Timestamp,
) -> Facts {
    let status = object.issuer_status();
    let uid = object.uid().unwrap_or_default();
    let pem = status.and_then(|status| status.bundle.as_deref());
    let pem = pem.unwrap_or_default();
    let in_status = bundle::in_status(pem);
    let mut facts = Facts {
        name: name.clone(),
        uid: uid.clone(),
        rotation: rotation::spec(&spec, &uid, None),
        spec: spec.into_owned(),
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
        pending: None,
        attempt: None,
        poll_at: None,
        highest_requested: 0,
        requests: Vec::new(),
        parent_warning: None,
        roots: Roots::default(),
        named: Vec::new(),
        named_roots: Vec::new(),
        names_unknown_roots: false,
        status_roots: bundle::fingerprints(&in_status),
        in_status,
        published: bundle.published(pem),
        bundle,
        mesh: None,
        traces: Traces {
            in_status: creation::current(status),
            ..Traces::default()
        },
        remembered: sources.memory.read(name),
        loss_delay: sources.loss_delay,
        creates_keys: sources.creates_keys,
        may_create_key: true,
        cert_manager: sources.cert_manager.clone(),
        reserved_namespaces: sources.reserved_namespaces.clone(),
        now,
    };
    let active = facts.active().and_then(|active| active.chain.as_ref());
    let ca_lifetime = active.map(lifetime);
    facts.rotation = rotation::spec(&facts.spec, &uid, ca_lifetime);
    facts
}

/// Adds what the keys and the CA above have.
pub(super) async fn complete(facts: &mut Facts, sources: &Sources<'_>) {
    facts.traces.in_object = roots_in_object(facts, sources).await;
    observe_keys(facts, sources).await;
    observe_roots(facts, sources).await;
    observe_parent(facts, sources).await;
    creation::complete(facts);
}

/// Reads the roots in the objects with the bundle, in the namespace's own turn: users may write such a
/// ConfigMap, and a forged one may take long to read.
async fn roots_in_object(facts: &Facts, sources: &Sources<'_>) -> Option<Vec<CaCertificate>> {
    let pem = facts.bundle.in_object(facts.name.kind)?;
    let read = move || bundle::in_status(&pem);
    let read = queued(sources.parsing.run(&facts.name.namespace, read)).await;
    read.ok()
}
