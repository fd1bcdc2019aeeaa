//! Reconciles `Issuer` and `ClusterIssuer`: one body for both kinds.
//!
//! Each round learns the facts ([`facts`]), decides on one step ([`decide`], pure), takes it, and
//! starts over until there is nothing left to take. What is decided about the status is written
//! once, at the end.

mod decide;
mod facts;
mod generation;
mod make;
mod reason;
mod status;
pub mod watch;

#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use signet_api::{IssuerKind, IssuerResource};
use signet_keys::{KeyError, PROBE};

use crate::apply::{Plan, Written};
use crate::context::{Context, DEADLINE};
use crate::keyring::{Found, IssuerName, Loaded, State, Version};
use decide::{Outcome, Step, decide};
use facts::Facts;
use reason::{IssuerReason, NotReady};

/// More steps than these in one round mean that two writers are at odds.
const MOST_STEPS: usize = 4;

/// Something outside of the issuer did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not answer or did not take a write.
    #[error("the API server did not answer: {0}")]
    Api(#[from] kube::Error),
    /// Certificates could not be read.
    #[error("the CA generations could not be read: {0}")]
    Arithmetic(#[from] tokio::task::JoinError),
    /// The key of an issuer that can sign did not answer just now.
    #[error("the key did not answer: {0}")]
    Key(#[from] KeyError),
    /// It took too long.
    #[error("the issuer was not looked at in time")]
    Deadline(#[from] tokio::time::error::Elapsed),
}

/// An issuer of either kind, as the API server has it.
pub trait Object:
    IssuerResource + Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync
{
}

impl Object for signet_api::Issuer {}

impl Object for signet_api::ClusterIssuer {}

/// Looks at one issuer.
///
/// # Errors
/// The API server did not answer, or it took too long.
pub async fn reconcile<K: Object>(object: Arc<K>, context: Arc<Context>) -> Result<Action, Error> {
    let _in_flight = context.health.begin();
    let reconciled = tokio::time::timeout(DEADLINE, look_at(&*object, &context)).await;
    // Others' messages do not wait for an issuer that cannot be observed.
    context.sharing.observed(&IssuerName::of(&*object));
    reconciled?
}

/// Decides when an issuer that could not be looked at is looked at again.
pub fn error_policy<K: Object>(object: Arc<K>, error: &Error, context: Arc<Context>) -> Action {
    let (uid, resync) = (
        object.uid().unwrap_or_default(),
        context.settings.issuer_resync_interval,
    );
    let wait = context.attempts.failed_up_to(&uid, resync);
    tracing::warn!(%error, issuer = %IssuerName::of(&*object), "will be looked at again in {} s", wait.as_secs());
    Action::requeue(wait)
}

async fn look_at<K: Object>(object: &K, context: &Context) -> Result<Action, Error> {
    let name = IssuerName::of(object);
    let version = Version::of(object.meta());
    if let Some(rest) = context.connections.rest(&name)
        && context.keyring.is_not_ready(&name, version.clone())
        && status::is_not_ready(object)
    {
        // The key is not called before that, and what there is to say of it was said.
        return Ok(Action::requeue(rest));
    }
    let (facts, outcome) = settle(object, &name, context).await?;
    if let Some(error) = facts.transient_key_error()
        && !context.connections.is_away(&name)
        && matches!(
            context.keyring.find(&name, Some(version.clone())),
            Found::Known(State::Ready(_))
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
    if plan != Plan::default() && context.writer.carry_out(object, plan).await? == Written::Conflict
    {
        // What changed need not be the spec, and only that sets off another look.
        context.metrics.conflict();
        let (uid, resync) = (
            object.uid().unwrap_or_default(),
            context.settings.issuer_resync_interval,
        );
        let wait = context.attempts.failed_up_to(&uid, resync);
        return Ok(Action::requeue(wait));
    }
    Ok(Action::requeue(again(object, &outcome, context)))
}

/// Takes step after step until the facts call for none.
async fn settle<K: Object>(
    object: &K,
    name: &IssuerName,
    context: &Context,
) -> Result<(Facts, Outcome), Error> {
    let mut may_make_key = true;
    for _ in 0..MOST_STEPS {
        let facts = facts::learn(object, name, may_make_key, context).await?;
        match decide(&facts) {
            Step::Done(outcome) => return Ok((facts, *outcome)),
            Step::MakeKey(key) => {
                make::key(&facts, &key, context).await?;
                // What went wrong before does not hold any more.
                context.connections.forget(name);
                may_make_key = false;
            }
            Step::MakeRoot {
                root,
                signer,
                number,
            } => {
                let made = make::root(&root, &signer, &facts, number, context).await?;
                if let Err(not_ready) = made {
                    return Ok((facts, Outcome::NotReady(not_ready)));
                }
            }
            Step::Adopt { chain, number } => {
                let made = make::generation(&chain, &facts, number, context).await?;
                if let Err(not_ready) = made {
                    return Ok((facts, Outcome::NotReady(not_ready)));
                }
            }
        }
    }
    let facts = facts::learn(object, name, false, context).await?;
    let unsettled = NotReady::waits(
        IssuerReason::Progressing,
        "the CA is changing under another writer; it is looked at again",
    );
    Ok((facts, Outcome::NotReady(unsettled)))
}

/// Lets requests see what was found.
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
            State::Ready(Arc::new(Loaded {
                rules: ready.rules.clone(),
                chain: ready.chain.clone(),
                guard: ready.signer.clone(),
                bundle: status::bundle(facts),
                backend: facts.spec.key.backend().name(),
            }))
        }
        Outcome::NotReady(not_ready) => {
            context.metrics.issuer(name, None);
            State::NotReady(status::cut(&not_ready.message))
        }
    };
    context.sharing.set(name, facts.ca_keys());
    context.keyring.put(name, version, state);
    if !context.exists(name) {
        // It was deleted while it was looked at.
        context.forget(name);
    }
}

/// An issuer that is ready is looked at again to see a Secret that changed or a CA that ends;
/// one that is not, sooner, with back-off.
fn again<K: Object>(object: &K, outcome: &Outcome, context: &Context) -> Duration {
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

/// Where the Secrets and CA generations of an issuer are.
pub fn resource_namespace<'a>(name: &'a IssuerName, context: &'a Context) -> &'a str {
    match name.kind {
        IssuerKind::Issuer => &name.namespace,
        IssuerKind::ClusterIssuer => &context.settings.cluster_resource_namespace,
    }
}
