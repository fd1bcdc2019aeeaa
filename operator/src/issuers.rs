//! Reconciles `Issuer` and `ClusterIssuer`: one body for both kinds.
//!
//! [`converge`] observes the facts ([`observe`]), decides on one step ([`decide`], pure), takes it,
//! and repeats until there is none left. The status is written once, at the end.

mod converge;
mod create;
mod decide;
mod error;
mod facts;
mod generation;
mod object;
mod observe;
mod reason;
mod status;
pub mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use kube::runtime::controller::Action;
use signet_keys::PROBE;

use crate::api_error::is_namespace_terminating;
use crate::context::{Context, DEADLINE};
use crate::issuer_name::IssuerName;
use crate::keyring::{IssuerLookup, ReadyIssuer, State, Version};
use crate::plan::{Plan, truncate};
use crate::writer::WriteResult;
use decide::Outcome;
pub use error::Error;
use facts::Facts;
pub use object::Object;

/// Reconciles one issuer.
///
/// # Errors
/// The API server did not answer, or it took too long.
pub async fn reconcile<K: Object>(object: Arc<K>, context: Arc<Context>) -> Result<Action, Error> {
    let _in_flight = context.health.begin();
    let reconciled = tokio::time::timeout(DEADLINE, reconcile_once(&*object, &context)).await;
    // Others' messages do not wait for an issuer that cannot be observed.
    context.sharing.observed(&IssuerName::of(&*object));
    reconciled?
}

/// Decides when an issuer whose reconcile failed is reconciled again.
pub fn error_policy<K: Object>(object: Arc<K>, error: &Error, context: Arc<Context>) -> Action {
    if let Error::Api(error) = error
        && is_namespace_terminating(error)
    {
        // The issuer is deleted with its namespace.
        return Action::await_change();
    }
    let wait = context.attempts.failed_up_to(
        &object.uid().unwrap_or_default(),
        context.settings.issuer_resync_interval,
    );
    tracing::warn!(%error, issuer = %IssuerName::of(&*object), "reconcile failed; trying again in {} s", wait.as_secs());
    Action::requeue(wait)
}

async fn reconcile_once<K: Object>(object: &K, context: &Context) -> Result<Action, Error> {
    let name = IssuerName::of(object);
    let version = Version::of(object.meta());
    if let Some(rest) = context.connections.rest(&name)
        && context.keyring.is_not_ready(&name, version.clone())
        && status::is_not_ready(object)
    {
        // The key is not called before that, and what there is to say of it was said.
        return Ok(Action::requeue(rest));
    }
    let (facts, outcome) = converge::converge(object, &name, context).await?;
    if let Some(error) = facts.transient_key_error()
        && !context.connections.is_away(&name)
        && matches!(
            context.keyring.find(&name, Some(version.clone())),
            IssuerLookup::Observed(State::Ready(_))
        )
    {
        // It could sign a moment ago; what does not answer just now takes that from nobody until
        // it is known to be away.
        return Err(error.clone().into());
    }
    // Before the status: a key that was withdrawn must not sign on because a write failed.
    publish(&name, version, &facts, &outcome, context);
    let shared = context.sharing.shared(&name);
    let mut plan = status::plan(object, &facts, &outcome, shared.as_ref());
    if status::only_rewords(object, &plan) && context.sharing.holds(&name) {
        plan = Plan::default();
    }
    if plan != Plan::default() && context.writer.apply(object, plan).await? == WriteResult::Conflict
    {
        // What changed need not be the spec, and only that sets off another look.
        context.metrics.conflict();
        let wait = context.attempts.failed_up_to(
            &object.uid().unwrap_or_default(),
            context.settings.issuer_resync_interval,
        );
        return Ok(Action::requeue(wait));
    }
    Ok(Action::requeue(requeue_after(object, &outcome, context)))
}

/// Stores the outcome where requests find it.
fn publish(
    name: &IssuerName,
    version: Version,
    facts: &Facts,
    outcome: &Outcome,
    context: &Context,
) {
    let state = match outcome {
        Outcome::Ready(ready) => {
            context
                .metrics
                .issuer(name, Some(ready.chain.not_after().as_second()));
            State::Ready(Arc::new(ReadyIssuer {
                rules: ready.rules.clone(),
                chain: ready.chain.clone(),
                guard: ready.signer.clone(),
                bundle: facts.bundle(),
                backend: facts.spec.key.backend().name(),
            }))
        }
        Outcome::NotReady(not_ready) => {
            context.metrics.issuer(name, None);
            State::NotReady(truncate(&not_ready.message))
        }
    };
    context.sharing.set(name, facts.ca_keys());
    context.keyring.put(name, version, state);
    if !context.exists(name) {
        // It was deleted during the reconcile.
        context.forget(name);
    }
}

/// Decides when an issuer is reconciled again: one that is ready, to notice a changed Secret or an
/// expired CA; one that is not, sooner, with backoff.
fn requeue_after<K: Object>(object: &K, outcome: &Outcome, context: &Context) -> Duration {
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    let resync = context.settings.issuer_resync_interval;
    match outcome {
        Outcome::Ready(ready) => {
            context.attempts.done(uid);
            let left = ready.chain.not_after().duration_since((context.now)());
            resync
                .min(left.try_into().unwrap_or_default())
                .max(Duration::from_secs(1))
        }
        // The connection itself bounds how often a backend that is away is called.
        Outcome::NotReady(not_ready) if not_ready.is_away() => {
            let rest = context.connections.rest(&IssuerName::of(object));
            rest.unwrap_or(PROBE)
        }
        Outcome::NotReady(_) => context.attempts.failed_up_to(uid, resync),
    }
}
