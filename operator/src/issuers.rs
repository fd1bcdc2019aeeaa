//! Reconciles `Issuer` and `ClusterIssuer`: one body for both kinds.
//!
//! [`converge`] observes the facts ([`observe`]), decides on one step ([`decide`], pure), takes it,
//! and repeats until the issuer is ready or cannot be. The status is written once, at the end.

mod converge;
mod create;
mod decide;
mod facts;
mod generation;
mod observe;
mod profile;
mod reason;
mod status;
pub mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use kube::runtime::controller::Action;
use signet_api::IssuerResource;
use signet_keys::{KeyError, PROBE};

use crate::api_error::{describe, is_namespace_terminating};
use crate::context::{Context, DEADLINE};
use crate::issuer_name::IssuerName;
use crate::keyring::{IssuerLookup, Version};
use crate::plan::{Plan, truncate};
use crate::writer::WriteResult;
use decide::Outcome;
use facts::Facts;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API server did not respond: {}", describe(.0))]
    Api(#[from] kube::Error),
    #[error("the CA generations could not be read: {0}")]
    Unreadable(#[from] tokio::task::JoinError),
    /// The key of an issuer that can sign did not respond.
    #[error("the key did not respond: {0}")]
    Key(#[from] KeyError),
    #[error("the issuer was not reconciled in time")]
    Deadline(#[from] tokio::time::error::Elapsed),
}

pub async fn reconcile<K: IssuerResource>(
    object: Arc<K>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let _in_flight = context.health.begin();
    let reconciled = tokio::time::timeout(DEADLINE, reconcile_once(&*object, &context)).await;
    let name = IssuerName::of(&*object);
    if !context.exists(&name) {
        // It was deleted during the reconcile, however that ended.
        context.forget(&name);
    }
    // The messages of others do not wait for an issuer that cannot be observed.
    context.sharing.observed(&name);
    reconciled?
}

/// Decides when an issuer whose reconcile failed is reconciled again.
pub fn error_policy<K: IssuerResource>(
    object: Arc<K>,
    error: &Error,
    context: Arc<Context>,
) -> Action {
    if let Error::Api(error) = error
        && is_namespace_terminating(error)
    {
        // The issuer is deleted with its namespace.
        return Action::await_change();
    }
    let wait = backoff(&*object, &context);
    tracing::warn!(%error, issuer = %IssuerName::of(&*object), "reconcile failed; trying again in {} s", wait.as_secs());
    Action::requeue(wait)
}

async fn reconcile_once<K: IssuerResource>(object: &K, context: &Context) -> Result<Action, Error> {
    let name = IssuerName::of(object);
    let version = Version::of(object.meta());
    let known = context.keyring.find(&name, Some(version.clone()));
    if let Some(rest) = context.connections.rest(&name)
        && matches!(known, IssuerLookup::NotReady(_))
        && status::is_not_ready(object)
    {
        // The key is not called before that, and the status reports it already.
        return Ok(Action::requeue(rest));
    }
    let (facts, outcome) = converge::converge(object, &name, context).await?;
    if let Some(error) = facts.transient_key_error()
        && !context.connections.is_unavailable(&name)
        && matches!(
            context.keyring.find(&name, Some(version.clone())),
            IssuerLookup::Ready(_)
        )
    {
        // An issuer stays ready until its key is known to be unavailable.
        return Err(error.clone().into());
    }
    // Before the status: a key that was withdrawn must not sign because a write failed.
    publish(&name, version, &facts, &outcome, context);
    let shared = context.sharing.shared(&name);
    let mut plan = status::plan(object, &facts, &outcome, shared.as_ref());
    if status::only_rewords(object, &plan) && context.sharing.holds(&name) {
        plan = Plan::default();
    }
    if plan != Plan::default() && context.writer.apply(object, plan).await? == WriteResult::Conflict
    {
        // The spec need not have changed, and only a new spec triggers a reconcile.
        context.metrics.conflict();
        return Ok(Action::requeue(backoff(object, context)));
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
    let ready = outcome.as_ref();
    let ca_expiry = ready.map(|ready| ready.chain.not_after().as_second());
    context.metrics.issuer(name, ca_expiry.ok());
    context.sharing.set(name, facts.ca_keys());
    let state = ready.map(Arc::clone);
    let state = state.map_err(|not_ready| truncate(&not_ready.message));
    context.keyring.put(name, version, state);
}

/// Decides when an issuer is reconciled again: one that is ready, to notice a changed Secret or an
/// expired CA; one that is not, sooner, with backoff.
fn requeue_after<K: IssuerResource>(object: &K, outcome: &Outcome, context: &Context) -> Duration {
    match outcome {
        Ok(ready) => {
            context.attempts.done(&object.uid().unwrap_or_default());
            let left = ready.chain.not_after().duration_since((context.now)());
            let resync = context.settings.issuer_resync_interval;
            resync
                .min(left.try_into().unwrap_or_default())
                .max(Duration::from_secs(1))
        }
        // The connection itself bounds how often an unavailable backend is called.
        Err(not_ready) if not_ready.is_key_unavailable() => {
            let rest = context.connections.rest(&IssuerName::of(object));
            rest.unwrap_or(PROBE)
        }
        Err(_) => backoff(object, context),
    }
}

fn backoff<K: IssuerResource>(object: &K, context: &Context) -> Duration {
    let uid = object.uid().unwrap_or_default();
    let resync = context.settings.issuer_resync_interval;
    context.attempts.failed_up_to(&uid, resync)
}
