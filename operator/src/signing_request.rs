//! Reconciles Kubernetes' `CertificateSigningRequest`.

mod intake;
mod reference;
mod signer_name;
mod status;
pub mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures::FutureExt;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestSpec,
};
use kube::ResourceExt;
use kube::runtime::controller::Action;
use signet_core::request::Reference;

use crate::api_error::describe;
use crate::context::{Context, DEADLINE, latest};
use crate::issuer_name::IssuerName;
use crate::keyring::IssuerLookup;
use crate::request::{self, Given, Outcome};
use crate::writer::WriteResult;

/// The API's name in metrics.
const API: &str = "CertificateSigningRequest";

/// The code with which the API server refuses a certificate that it cannot read.
const UNPROCESSABLE: u16 = 422;

/// The API server did not answer, or the deadline passed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not take a write.
    #[error("the API server rejected the write: {}", describe(.0))]
    Write(#[source] kube::Error),
    /// The SubjectAccessReview was not answered.
    #[error("the SubjectAccessReview was not answered: {}", describe(.0))]
    Review(#[source] kube::Error),
    /// It took too long.
    #[error("the request was not finished in time")]
    Deadline(#[from] tokio::time::error::Elapsed),
}

/// Works on one request.
///
/// # Errors
/// The API server did not answer, or it took too long.
pub async fn reconcile(
    object: Arc<CertificateSigningRequest>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let due = watch::is_due(&object);
    let Some(issuer) = signer_name::parse(&object.spec.signer_name).filter(|_| due) else {
        return Ok(Action::await_change());
    };
    let Ok(_permit) = context.permit(&issuer, &tenant(&object.spec)).await else {
        return Ok(Action::await_change());
    };
    // The queue may have been long: it may be gone, denied or finished by now.
    let latest = latest(&context.requests.signing_requests, &*object);
    let Some(object) = latest.filter(|object| watch::is_due(object)) else {
        return Ok(Action::await_change());
    };
    let _in_flight = context.health.begin();
    // Boxed, so that the many that wait above are small.
    let answered = answer(&object, &context).boxed();
    tokio::time::timeout(DEADLINE, answered).await?
}

/// The share of the queue that a request counts toward: a ServiceAccount's namespace, or the
/// user. A namespace's name has no colon, so no user takes a namespace's share.
fn tenant(spec: &CertificateSigningRequestSpec) -> String {
    let requester = intake::requester(spec);
    match requester.service_account() {
        Ok(account) => account.namespace,
        Err(_) => format!("user:{}", requester.username),
    }
}

async fn answer(object: &CertificateSigningRequest, context: &Context) -> Result<Action, Error> {
    let Some((issuer, mut asked)) = intake::read(object) else {
        return Ok(Action::await_change());
    };
    let found = context.find(&issuer);
    let missing = matches!(found, IssuerLookup::Missing);
    if !missing
        && intake::needs_review(&issuer, &asked)
        && reference::is_allowed(&context.client, &object.spec, &issuer)
            .await
            .map_err(Error::Review)?
    {
        asked.reference = Reference::Allowed;
    }
    let given = Given {
        issuer: &issuer,
        found: &found,
        metrics: &context.metrics,
        now: (context.now)(),
    };
    let outcome = request::work(asked, given).await;
    let outcome = match write(object, &outcome, context).await {
        Ok(WriteResult::Done) => outcome,
        Ok(WriteResult::Conflict) => {
            context.metrics.conflict();
            return Ok(Action::requeue(context.attempts.failed(uid(object))));
        }
        Err(Error::Write(kube::Error::Api(answer))) if answer.code == UNPROCESSABLE => {
            let refused = outcome.refused_by_api_server(&answer.message);
            write(object, &refused, context).await?;
            refused
        }
        Err(error) => return Err(error),
    };
    record(object, &outcome, (!missing).then_some(&issuer), context);
    Ok(next(&outcome, uid(object), context))
}

/// Writes what came of it.
async fn write(
    object: &CertificateSigningRequest,
    outcome: &Outcome,
    context: &Context,
) -> Result<WriteResult, Error> {
    let is_news = |reason| context.attempts.is_news(uid(object), reason);
    let news = outcome.labels().is_some_and(|(_, reason)| is_news(reason));
    let plan = status::plan(outcome, news, (context.now)());
    context
        .writer
        .apply(object, plan)
        .await
        .map_err(Error::Write)
}

fn uid(object: &CertificateSigningRequest) -> &str {
    object.metadata.uid.as_deref().unwrap_or_default()
}

/// An object that waits stays known, so that what was told about it is not told again.
fn next(outcome: &Outcome, uid: &str, context: &Context) -> Action {
    if outcome.wants_retry() {
        return Action::requeue(context.attempts.failed(uid));
    }
    if !matches!(outcome, Outcome::Waiting(_)) {
        context.attempts.done(uid);
    }
    Action::await_change()
}

/// Decides when what failed is tried again.
pub fn error_policy(
    object: Arc<CertificateSigningRequest>,
    error: &Error,
    context: Arc<Context>,
) -> Action {
    let wait = context.attempts.failed(uid(&object));
    tracing::warn!(
        %error,
        name = object.name_any(),
        "a CertificateSigningRequest will be tried again in {} s",
        wait.as_secs()
    );
    Action::requeue(wait)
}

fn record(
    object: &CertificateSigningRequest,
    outcome: &Outcome,
    issuer: Option<&IssuerName>,
    context: &Context,
) {
    let Some((label, reason)) = outcome.labels() else {
        return;
    };
    if !context.attempts.is_news(uid(object), reason) {
        return;
    }
    context.attempts.reported(uid(object), reason);
    context.metrics.decided(API, issuer, label, reason);
    if let Outcome::Issued { .. } = outcome {
        context.count_ready(status::approved_at(object));
    }
    tracing::info!(
        name = object.name_any(),
        signer = object.spec.signer_name,
        outcome = label,
        reason = %reason,
        requester = object.spec.username,
        "CertificateSigningRequest"
    );
}
