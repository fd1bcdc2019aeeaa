//! Reconciles cert-manager's `CertificateRequest`.

mod intake;
mod status;
pub mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures::FutureExt;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use signet_api::external::certificate_request::CertificateRequest;

use crate::api_error::describe;
use crate::context::{Context, DEADLINE, latest};
use crate::keyring::IssuerLookup;
use crate::request::{self, Given, Outcome};
use crate::writer::WriteResult;

/// The API's name in metrics.
const API: &str = "CertificateRequest";

/// The API server did not take a write, or the deadline passed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not take a write.
    #[error("the API server rejected the write: {}", describe(.0))]
    Write(#[from] kube::Error),
    /// It took too long.
    #[error("the request was not finished in time")]
    Deadline(#[from] tokio::time::error::Elapsed),
}

/// Works on one request.
///
/// # Errors
/// The API server did not take the status, or it took too long.
pub async fn reconcile(
    object: Arc<CertificateRequest>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let Some(issuer) = intake::issuer(&object).filter(|_| watch::is_due(&object)) else {
        return Ok(Action::await_change());
    };
    let tenant = object.metadata.namespace.as_deref().unwrap_or_default();
    let Ok(_permit) = context.permit(&issuer, tenant).await else {
        return Ok(Action::await_change());
    };
    // The queue may have been long: it may be gone, denied or finished by now.
    let latest = latest(&context.requests.certificate_requests, &*object);
    let Some(object) = latest.filter(|object| watch::is_due(object)) else {
        return Ok(Action::await_change());
    };
    let _in_flight = context.health.begin();
    // Boxed, so that the many that wait above are small.
    let answered = answer(&object, &context).boxed();
    tokio::time::timeout(DEADLINE, answered).await?
}

async fn answer(object: &CertificateRequest, context: &Context) -> Result<Action, Error> {
    let Some((issuer, asked)) = intake::read(object) else {
        return Ok(Action::await_change());
    };
    let found = context.find(&issuer);
    let given = Given {
        issuer: &issuer,
        found: &found,
        metrics: &context.metrics,
        now: (context.now)(),
    };
    let outcome = request::work(asked, given).await;
    let now = (context.now)();
    let plan = status::plan(object, &outcome, now);
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let news = plan.status.is_some();
    if context.writer.apply(object, plan).await? == WriteResult::Conflict {
        // What was decided here is void. A newer version may not wake us: decide anew soon.
        context.metrics.conflict();
        return Ok(Action::requeue(context.attempts.failed(uid)));
    }
    if news {
        record(object, &outcome, &given, context);
    }
    if outcome.wants_retry() {
        return Ok(Action::requeue(context.attempts.failed(uid)));
    }
    context.attempts.done(uid);
    Ok(Action::await_change())
}

/// Decides when a write that failed is tried again.
pub fn error_policy(
    object: Arc<CertificateRequest>,
    error: &Error,
    context: Arc<Context>,
) -> Action {
    let wait = context
        .attempts
        .failed(object.metadata.uid.as_deref().unwrap_or_default());
    tracing::warn!(
        %error,
        namespace = object.namespace(),
        name = object.name_any(),
        "a CertificateRequest will be tried again in {} s",
        wait.as_secs()
    );
    Action::requeue(wait)
}

fn record(object: &CertificateRequest, outcome: &Outcome, given: &Given<'_>, context: &Context) {
    let Some((label, reason)) = outcome.labels() else {
        return;
    };
    let known = (!matches!(given.found, IssuerLookup::Missing)).then_some(given.issuer);
    context.metrics.decided(API, known, label, reason);
    if let Outcome::Issued { .. } = outcome {
        context.count_ready(status::approved_at(object));
    }
    tracing::info!(
        namespace = object.namespace(),
        name = object.name_any(),
        issuer = %given.issuer,
        outcome = label,
        reason = %reason,
        requester = object.spec.username,
        "CertificateRequest"
    );
}
