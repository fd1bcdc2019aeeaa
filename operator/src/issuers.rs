//! Reconciles `Issuer` and `ClusterIssuer`: one body for both kinds.
//!
//! A [`round`] observes the facts ([`observe`]), decides on one step ([`decide`], pure), takes it
//! ([`apply`]), and repeats until there is no step. Then the status is written, and if that published
//! another bundle, the next round begins.

mod apply;
mod bundle;
mod creation;
mod decide;
mod deletion;
mod facts;
mod gauges;
mod generation;
mod keys;
mod memory;
mod mesh_keys;
mod messages;
mod named_object;
mod observe;
pub mod orphans;
mod outcome;
mod parents;
mod polling;
mod profile;
mod ready;
mod reason;
mod records;
mod roots;
mod rotation;
mod round;
mod status;
mod store;
mod submission;
mod summary;
mod unreadable;
pub mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use signet_api::IssuerResource;
use signet_core::ca::Bundle;
use signet_core::ca::lifecycle::Wait;
use signet_keys::{KeyError, PROBE};

use crate::api_error::{describe, is_namespace_terminating};
use crate::context::{Context, DEADLINE};
use crate::deadline::{Elapsed, within};
use crate::issuer_name::IssuerName;
use crate::keyring::{IssuerLookup, Version};
use crate::mesh::{self, Wanted};
use crate::plan::truncate;
use crate::publish::{self, Report, Trusted};
use decide::Decision;
use facts::Facts;
pub(crate) use gauges::is_ending;
pub use memory::Memory;
use outcome::Outcome;
use polling::{MAX_OBJECT_BACKOFF, Polling, min_interval, polling, resync_after};
pub(crate) use profile::lifetimes;
use reason::IssuerReason;
use round::{Round, round};
use status::Others;
pub(crate) use store::generations_of;

/// How often it is looked at what a mesh has loaded.
const MESH_POLL: Duration = Duration::from_secs(5);

/// More rounds in one reconcile mean that another writer is active.
const MAX_ROUNDS: usize = 4;

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
    Deadline(#[from] Elapsed),
}

pub async fn reconcile<K: IssuerResource>(
    object: Arc<K>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let reconciled = within(
        DEADLINE,
        &context.health,
        reconcile_once(&*object, &context),
    );
    let reconciled = reconciled.await;
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
    let is_outage = match error {
        Error::Api(error) => context.api.tells(error),
        Error::Deadline(_) => context.api.is_unwell(),
        Error::Unreadable(_) | Error::Key(_) => false,
    };
    if is_outage {
        // The log has it for all issuers together.
        return Action::requeue(wait);
    }
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
    let mut object = object.clone();
    for _ in 0..MAX_ROUNDS {
        let mut found = round(&object, &name, context).await?;
        // Before the status: a key that was withdrawn must not sign because a write failed.
        publish(
            &name,
            version.clone(),
            &found.facts,
            &found.decision.outcome,
            context,
        );
        let plan = found.decision.plan.as_ref();
        context
            .metrics
            .ca(&name, gauges::gauges(&found.facts, plan));
        let published = publish_bundle(&object, &found, context).await;
        let mesh = update_mesh(&mut found, context).await;
        let mesh = mesh.as_ref();
        match report(&object, &found, (&published, mesh), context).await? {
            Reported::Conflict => {
                // The spec need not have changed, and only a new spec triggers a reconcile.
                context.metrics.conflict();
                return Ok(Action::requeue(backoff(&object, context)));
            }
            // What was published may be what the next step waits for.
            Reported::Published(written) => object = *written,
            Reported::Done if published.has_written() && waits_for_publication(&found) => {}
            Reported::Done => {
                let wait = requeue_after(&object, &found, &published, context);
                let wait = wait.min(mesh_wait(mesh, &name, context));
                return Ok(Action::requeue(wait));
            }
        }
    }
    Ok(Action::requeue(backoff(&object, context)))
}

/// Brings the objects with the bundle up to date. Copies wait for the last round, so that namespaces
/// which a selector selects do not delay a rotation.
async fn publish_bundle<K: IssuerResource>(object: &K, found: &Round, context: &Context) -> Report {
    let (facts, trust) = (&found.facts, &found.decision.trust);
    let before = object.issuer_status();
    let before = before.and_then(|status| status.bundle.as_deref());
    let is_last = match &trust.roots {
        Trusted::Roots(bundle) => before == Some(bundle.pem()),
        Trusted::Nothing => before.is_none(),
        Trusted::Unknown => true,
    };
    let (name, uid) = (&facts.name, facts.uid.as_str());
    publish::publish(name, uid, &facts.bundle, trust, is_last, context).await
}

/// Brings the objects of a mesh up to date; none for an issuer. A MeshCA whose mesh has no CA of it yet
/// is not ready.
async fn update_mesh(found: &mut Round, context: &Context) -> Option<mesh::Report> {
    let facts = &found.facts;
    let observed = facts.mesh.as_ref()?;
    let roots = match &found.decision.trust.roots {
        Trusted::Roots(bundle) => Bundle::read(bundle.pem()).ok(),
        Trusted::Nothing | Trusted::Unknown => None,
    };
    let active = facts.active();
    let entry = active.and_then(mesh_keys::entry);
    let chain = active.and_then(|active| active.chain.as_ref());
    let obstacle = facts.mesh_obstacle();
    let wanted = match (chain, &entry, &roots) {
        _ if facts.spec.suspend => Wanted::Suspended,
        (None, ..) | (_, None, _) => match &obstacle {
            Some((reason, message)) => Wanted::Blocked(*reason, message),
            None => Wanted::Nothing,
        },
        (.., None) => Wanted::Unknown,
        (Some(chain), Some(entry), Some(roots)) => Wanted::Ca {
            chain,
            entry,
            roots,
        },
    };
    let report = mesh::update(observed, wanted, facts.owner(), context).await;
    if !report.is_delivered && found.decision.outcome.is_ok() {
        let reason = IssuerReason::Mesh(report.reason);
        found.decision.outcome = Err(match report.reason.needs_person() {
            true => reason.stalls(report.message.clone()),
            false => reason.waits(report.message.clone()),
        });
    }
    Some(report)
}

/// Returns when a mesh is looked at again: nothing reports what it has loaded.
fn mesh_wait(report: Option<&mesh::Report>, name: &IssuerName, context: &Context) -> Duration {
    let now = (context.now)();
    let wake = report.and_then(|report| report.wake);
    let wake = wake.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
    let polls = report.is_some_and(|report| report.polls);
    let poll = polls.then(|| MESH_POLL.max(crowd(name, context)));
    let wait = [wake, poll].into_iter().flatten().min();
    wait.map_or(Duration::MAX, |wait| wait.max(Duration::from_secs(1)))
}

/// Whether an object that was written may be what the next step waits for.
fn waits_for_publication(found: &Round) -> bool {
    let plan = found.decision.plan.as_ref();
    plan.is_some_and(|plan| plan.waits == Some(Wait::Publication))
}

/// The result of writing the status.
enum Reported<K> {
    Done,
    /// Another bundle is in the status now.
    Published(Box<K>),
    Conflict,
}

/// Writes the status and the events.
async fn report<K: IssuerResource>(
    object: &K,
    found: &Round,
    (published, mesh): (&Report, Option<&mesh::Report>),
    context: &Context,
) -> Result<Reported<K>, Error> {
    let name = &found.facts.name;
    let revoked = status::revocation::keys(&found.facts);
    let users = revoked.iter();
    let others = Others {
        shared: context.sharing.shared(name),
        over_revoked: users
            .filter_map(|key| context.sharing.users(name, key))
            .collect(),
    };
    let mut plan = status::plan(object, found, &others, (published, mesh));
    if status::only_rewords(object, &plan) && context.sharing.holds(name) {
        plan = status::StatusPlan::default();
    }
    let mut written = None;
    if let Some(status) = plan.status {
        let mut changed = object.clone();
        changed.set_mesh_status(plan.mesh);
        let whole = changed.status_with(&status);
        let Some(version) = context.writer.status(object, &whole).await? else {
            return Ok(Reported::Conflict);
        };
        let is_published = object
            .issuer_status()
            .and_then(|before| before.bundle.as_ref())
            != status.bundle.as_ref();
        changed.meta_mut().resource_version = Some(version);
        changed.set_issuer_status(status);
        written = is_published.then(|| Box::new(changed));
    }
    let tenant = object.namespace().unwrap_or_default();
    for event in plan.events {
        // The conditions report the same.
        let reference = object.object_ref(&());
        context.writer.event(&tenant, &reference, event).await;
    }
    Ok(written.map_or(Reported::Done, Reported::Published))
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
    context.metrics.issuer(name, ready.is_ok());
    context.sharing.set(name, facts.ca_keys());
    let state = ready.map(Arc::clone);
    let state = state.map_err(|not_ready| truncate(&not_ready.message));
    context.keyring.put(name, version, state);
}

/// Decides when an issuer is reconciled again: when what it waits for may be there, or when time
/// changes its plan or ends its CA.
fn requeue_after<K: IssuerResource>(
    object: &K,
    found: &Round,
    published: &Report,
    context: &Context,
) -> Duration {
    let Decision { outcome, plan, .. } = &found.decision;
    let now = (context.now)();
    let left = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or_default();
    let wake = plan.as_ref().and_then(|plan| plan.wake);
    let attempt_at = found.facts.attempt.map(|attempt| attempt.at);
    let retry = found.facts.refused().and_then(|refused| refused.retry_at);
    let times = [wake, attempt_at, retry];
    let times = times.into_iter().flatten();
    let resync = context.settings.issuer_resync_interval;
    let least = || crowd(&found.facts.name, context);
    let poll = found.facts.poll_at.filter(|at| *at > now).map(left);
    let poll = poll.map(|wait| wait.max(least()));
    let wake = times.filter(|at| *at > now).min().map(left);
    let wake = [wake, poll].into_iter().flatten().min();
    let wait = match polling(outcome, &found.facts, published.is_held()) {
        Polling::Resync => {
            context.attempts.done(&attempt(object));
            let uid = object.uid().unwrap_or_default();
            resync_after(resync, &uid, now)
        }
        Polling::Object => backoff_up_to(object, MAX_OBJECT_BACKOFF, context).max(least()),
        Polling::Change => backoff(object, context),
        Polling::Key => {
            let rest = context.connections.rest(&IssuerName::of(object));
            rest.unwrap_or(PROBE)
        }
    };
    let end = outcome.as_ref().ok().map(|ready| ready.chain.not_after());
    let wait = end.map_or(wait, |end| wait.min(left(end)));
    wake.map_or(wait, |wake| wait.min(wake))
        .max(Duration::from_secs(1))
}

/// Returns the shortest time between two polls of an issuer, which is longer where there are many.
fn crowd(name: &IssuerName, context: &Context) -> Duration {
    let resync = context.settings.issuer_resync_interval;
    min_interval(context.issuers.count_beside(name), resync)
}

fn backoff<K: IssuerResource>(object: &K, context: &Context) -> Duration {
    backoff_up_to(object, context.settings.issuer_resync_interval, context)
}

fn backoff_up_to<K: IssuerResource>(object: &K, max: Duration, context: &Context) -> Duration {
    context.attempts.failed_up_to(&attempt(object), max)
}

/// The object and its generation: the backoff starts over with another spec.
fn attempt<K: IssuerResource>(object: &K) -> String {
    let uid = object.uid().unwrap_or_default();
    format!("{uid}/{}", object.meta().generation.unwrap_or_default())
}
