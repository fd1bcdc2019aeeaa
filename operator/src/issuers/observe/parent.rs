//! Observes the CA above an issuer, and which roots are trusted.

use std::sync::Arc;

use signet_core::ca::lifecycle::View;

use super::Sources;
use crate::issuers::facts::Facts;
use crate::issuers::parents::{self, Answer, ParentRequest};
use crate::issuers::roots::{self, Roots};
use crate::issuers::{bundle, creation};

pub(super) async fn observe_roots(facts: &mut Facts, sources: &Sources<'_>) {
    let (spec, namespace) = (&facts.spec, &*sources.access.namespace);
    let tenant = &facts.name.namespace;
    let listed = roots::read(&spec.certificate, tenant, namespace, sources.parsing).await;
    let (generations, lifecycle) = (&facts.generations.stored, &facts.rotation);
    facts.roots = Roots::of(spec, listed, generations, lifecycle);
}

pub(super) async fn observe_parent(facts: &mut Facts, sources: &Sources<'_>) {
    let request = parent_request(facts, sources);
    let answer = match parents::of(&facts.spec) {
        Some(parent) => parent.poll(&request).await,
        None => Answer::default(),
    };
    facts.offer = answer
        .offer
        .map(|offer| offer.and_then(|offer| creation::check_root(facts, offer)));
    facts.pending = answer.pending;
    facts.attempt = answer.attempt;
    facts.poll_at = answer.poll_at;
    facts.highest_requested = answer.highest_number;
    facts.requests = answer.requests;
    facts.parent_warning = answer.warning;
    let is_unknown = answer.named_roots.is_none() || facts.roots.problem().is_some();
    let listed = facts.roots.in_object().cloned();
    let named = answer.named_roots.into_iter().flatten().chain(listed);
    facts.named = bundle::named(named.collect(), is_unknown, facts);
    facts.names_unknown_roots = is_unknown;
    creation::add_inherited(facts);
    facts.named_roots = facts.named.iter().map(Into::into).collect();
}

/// Returns what the parent is asked for.
pub(in crate::issuers) fn parent_request<'a>(
    facts: &'a Facts,
    sources: &'a Sources<'a>,
) -> ParentRequest<'a> {
    ParentRequest {
        issuer: &facts.name,
        uid: &facts.uid,
        generations: &facts.generations,
        requested: facts.requested(),
        keys: &facts.keys,
        key: expected_key(facts),
        trust_domain: facts.trust_domain().ok().flatten(),
        roots: &facts.roots,
        submission: facts.submission().map(Arc::as_ref),
        namespace: &*sources.access.namespace,
        access: &sources.access,
        requests: &*sources.requests,
        family: sources.family,
        keyring: sources.keyring,
        mesh: facts.mesh.as_ref().map(|observed| &observed.mesh),
        parsing: sources.parsing,
        now: facts.now,
    }
}

/// Returns the key that the next certificate is for: that of the spec, or during a rollback the
/// active one.
fn expected_key(facts: &Facts) -> Option<String> {
    let situation = facts.situation();
    if let Some(active) = View::new(&situation).rolled_back() {
        return Some(active.key.clone());
    }
    facts.key_state.found().cloned()
}
