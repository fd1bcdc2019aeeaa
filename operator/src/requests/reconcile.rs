//! Reconciles a request of any API: issues, and writes the outcome.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use signet_api::IssuerKind;
use signet_core::policy::Denial;
use signet_core::reason::Reason;
use signet_core::request::{Approval, RawRequest};

use super::cache::{Cache, Key};
use super::issue::{SignContext, issue};
use super::kind::{Completed, RequestKind, WaitingReport};
use super::log::{self, Subject, Unsettled};
use super::object::{Due, Observed};
use super::outcome::Outcome;
use super::tenant::tenant;
use super::{unapproved, unread};
use crate::api_error::{UNPROCESSABLE, describe};
use crate::context::{Context, DEADLINE};
use crate::deadline::{Elapsed, within};
use crate::issuer_name::IssuerName;
use crate::keyring::IssuerLookup;
use crate::plan::Plan;
use crate::writer::WriteResult;

pub(super) struct Shell<K: RequestKind> {
    pub(super) context: Arc<Context>,
    pub(super) cache: Arc<Cache<K>>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the API server rejected the write: {}", describe(.0))]
    Write(#[from] kube::Error),
    #[error("the API server did not return what the decision needs: {}", describe(.0))]
    Read(#[source] kube::Error),
    #[error("the request was not finished in time")]
    Deadline(#[from] Elapsed),
}

impl Error {
    /// Whether the log has it as part of an outage of the API server.
    fn is_outage(&self, context: &Context) -> bool {
        match self {
            Self::Write(error) | Self::Read(error) => context.api.tells(error),
            Self::Deadline(_) => context.api.is_unwell(),
        }
    }
}

/// What follows the answer to a request.
enum Next {
    /// It is final.
    Nothing,
    /// A change of its issuer wakes it.
    Wakeup,
    Retry(Duration),
}

/// Reconciles a request, and returns how long it is until it is reconciled again; none if only a change
/// leads to it.
pub(super) async fn reconcile<K: RequestKind>(
    key: &Key,
    object: &Observed<K>,
    queued: Instant,
    shell: &Shell<K>,
) -> Result<Option<Duration>, Error> {
    let context = &shell.context;
    if let Some(unapproved) = object.unapproved() {
        unapproved::reconcile(object, unapproved, context).await?;
        return Ok(None);
    }
    let Some(due) = object.due() else {
        return Ok(None);
    };
    let tenant = tenant(&due.request);
    let permit = context.permit(&due.issuer, &tenant, queued);
    let Some(_permit) = context.stop.run_until_cancelled(permit).await else {
        return Ok(None);
    };
    // The queue may have been long: it may be deleted, denied or finished by now.
    let latest = shell.cache.get(key);
    let Some(object) = latest.filter(|latest| latest.uid() == object.uid()) else {
        return Ok(None);
    };
    let Some(due) = object.due() else {
        return Ok(None);
    };
    // Boxed, so that the many that wait above are small.
    let answered = answer(&object, due, context).boxed();
    match within(DEADLINE, &context.health, answered).await?? {
        Next::Retry(wait) => Ok(Some(wait)),
        Next::Wakeup => Ok(None),
        // What wakes it before the watch delivers the answer must not have it signed again.
        Next::Nothing => {
            shell.cache.answered(key, object.meta());
            Ok(None)
        }
    }
}

/// Logs an error, and returns how long it is until the next attempt.
pub(super) fn error_delay<K: RequestKind>(
    object: &Observed<K>,
    error: &Error,
    shell: &Shell<K>,
) -> Duration {
    let wait = shell.context.attempts.failed(object.uid());
    if error.is_outage(&shell.context) {
        return wait;
    }
    tracing::warn!(
        %error,
        namespace = object.namespace(),
        name = object.name_any(),
        "reconcile of a {} failed; trying again in {} s",
        K::API.as_str(),
        wait.as_secs()
    );
    wait
}

/// Whether more is known soon. What is said about an issuer that is missing depends on the other kind,
/// and is said once.
fn is_early(lookup: &IssuerLookup, other_kind: Option<&IssuerName>, context: &Context) -> bool {
    let is_unlisted = |other: &IssuerName| !context.listings.contains(other.kind);
    matches!(lookup, IssuerLookup::NotObserved) || other_kind.is_some_and(is_unlisted)
}

async fn answer<K: RequestKind>(
    object: &Observed<K>,
    due: &Due<K>,
    context: &Context,
) -> Result<Next, Error> {
    let lookup = context.find(&due.issuer);
    let uid = object.uid();
    let issuer = (!matches!(lookup, IssuerLookup::Missing)).then_some(&due.issuer);
    let other_kind = match issuer {
        Some(_) => None,
        None => other_kind(&due.issuer, object.namespace()),
    };
    let is_early = is_early(&lookup, other_kind.as_ref(), context);
    let waits_for_issuer = is_early && due.request.approval == Approval::Approved;
    if waits_for_issuer || still_waits(&due.request, &lookup, context.attempts.reported(uid)) {
        context.attempts.reset(uid);
        return Ok(Next::Wakeup);
    }
    let other_kind = other_kind.filter(|other| context.exists(other));
    let completed = K::complete(object.meta(), due, &lookup, context).await;
    let served = context.sharing.served_with(&due.issuer);
    let sign_context = SignContext {
        labels: &context.labels,
        served: &served,
        issuer: &due.issuer,
        lookup: &lookup,
        other_kind: other_kind.as_ref(),
        metrics: &context.metrics,
        now: (context.now)(),
    };
    let Completed { request, denial } = completed.map_err(Error::Read)?;
    let pod = request.pod.as_ref();
    let bare_key = pod.and_then(|pod| pod.bare_key.clone());
    let subject = Subject {
        object,
        due,
        bare_key: bare_key.as_ref(),
    };
    let outcome = match denial {
        None => issue(request, sign_context).await,
        Some(denial) => Some(Outcome::Denied(denial)),
    };
    let Some(mut outcome) = outcome else {
        context.attempts.reset(uid);
        return Ok(Next::Wakeup);
    };
    let mut written = write(&subject, &outcome, issuer, context).await;
    if let Some(denial) = written
        .as_ref()
        .err()
        .and_then(|error| rejected::<K>(error, &outcome))
    {
        outcome = Outcome::Denied(denial);
        written = write(&subject, &outcome, issuer, context).await;
    }
    if written? == WriteResult::Conflict {
        // The outcome is discarded. A newer version may not wake the request.
        context.metrics.conflict();
        return Ok(Next::Retry(context.attempts.failed(uid)));
    }
    Ok(next(&outcome, uid, context))
}

/// Whether a request waits for its issuer for the reason that was reported last. It was read in full
/// then, and is again once the issuer is ready: a user who changes an issuer that cannot sign wakes
/// all of its requests each time.
pub(super) fn still_waits(
    request: &RawRequest,
    lookup: &IssuerLookup,
    reported: Option<Reason>,
) -> bool {
    let reason = match lookup {
        IssuerLookup::Missing => Reason::IssuerNotFound,
        IssuerLookup::NotReady(_) => Reason::IssuerNotReady,
        IssuerLookup::NotObserved | IssuerLookup::Ready(_) => return false,
    };
    request.approval == Approval::Approved && reported == Some(reason)
}

/// Returns the issuer of the other kind with the same name, for a request in a namespace.
fn other_kind(issuer: &IssuerName, namespace: Option<String>) -> Option<IssuerName> {
    let (kind, namespace) = match issuer.kind {
        IssuerKind::Issuer => (IssuerKind::ClusterIssuer, String::new()),
        IssuerKind::ClusterIssuer => (IssuerKind::Issuer, namespace?),
        IssuerKind::MeshCA => return None,
    };
    let name = issuer.name.clone();
    Some(IssuerName {
        kind,
        namespace,
        name,
    })
}

/// Returns why a request can never succeed whose certificate the API server rejected as invalid.
fn rejected<K: RequestKind>(error: &kube::Error, outcome: &Outcome) -> Option<Denial> {
    match (error, outcome) {
        (kube::Error::Api(status), Outcome::Issued(_)) if status.code == UNPROCESSABLE => {
            K::rejected(status)
        }
        _ => None,
    }
}

/// Writes an outcome, and counts it if it was not reported before.
async fn write<K: RequestKind>(
    subject: &Subject<'_, K>,
    outcome: &Outcome,
    issuer: Option<&IssuerName>,
    context: &Context,
) -> Result<WriteResult, kube::Error> {
    let Subject { object, due, .. } = *subject;
    let reported = context.attempts.reported(object.uid());
    let Some(plan) = plan(due, outcome, reported, (context.now)()) else {
        // A process before this one may have reported it.
        context.attempts.report(object.uid(), outcome.labels().1);
        return Ok(WriteResult::Done);
    };
    let unsettled = Unsettled::new(subject, outcome);
    let result = context.writer.apply(object, plan).await;
    if is_known(&result) {
        unsettled.settle();
    }
    let result = result?;
    if result == WriteResult::Done {
        record(subject, outcome, issuer, context);
        let requester = &due.request.requester.username;
        if let Some((workload, event)) = unread::event(requester, &due.issuer, outcome) {
            let tenant = tenant(&due.request);
            context.writer.event(&tenant, &workload, event).await;
        }
    }
    Ok(result)
}

/// Whether it is certain that a status was written, or was not.
fn is_known(result: &Result<WriteResult, kube::Error>) -> bool {
    match result {
        Ok(_) => true,
        Err(kube::Error::Api(status)) => status.code < 500,
        Err(_) => false,
    }
}

/// Decides what is written about an outcome; none if a request waits for a reason that was reported
/// last. An API that has no condition for it cannot tell, and the memory of the operator does.
pub(super) fn plan<K: RequestKind>(
    due: &Due<K>,
    outcome: &Outcome,
    reported: Option<Reason>,
    now: Timestamp,
) -> Option<Plan> {
    let last = match K::waiting(&due.before) {
        WaitingReport::Condition(reason) => reason,
        WaitingReport::Event => reported.map(Reason::as_str),
    };
    match outcome {
        Outcome::Waiting(wait) if last == Some(wait.reason.as_str()) => None,
        _ => Some(K::plan(&due.before, outcome, now)),
    }
}

fn record<K: RequestKind>(
    subject: &Subject<'_, K>,
    outcome: &Outcome,
    issuer: Option<&IssuerName>,
    context: &Context,
) {
    let Subject { object, due, .. } = *subject;
    let (label, reason) = outcome.labels();
    context.attempts.report(object.uid(), reason);
    context.metrics.decided(K::API, issuer, label, reason);
    if let (Outcome::Issued(_), Some(approved)) = (outcome, due.approved_at) {
        let waited = (context.now)().duration_since(approved);
        context.metrics.ready_after(waited.as_secs_f64().max(0.0));
    }
    log::decision(subject, outcome);
}

/// Decides when a request is reconciled again.
fn next(outcome: &Outcome, uid: &str, context: &Context) -> Next {
    if outcome.wants_retry() {
        return Next::Retry(context.attempts.failed(uid));
    }
    match outcome {
        Outcome::Waiting(_) => {
            context.attempts.reset(uid);
            Next::Wakeup
        }
        Outcome::Denied(_) | Outcome::Issued(_) => {
            context.attempts.done(uid);
            Next::Nothing
        }
    }
}
