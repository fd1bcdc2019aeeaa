//! Reconciles Kubernetes' `CertificateSigningRequest`.

mod intake;
mod reference;
mod signer_name;
mod status;
pub mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt};

use crate::apply::Written;
use crate::context::{Context, DEADLINE};
use crate::keyring::{Found, IssuerName};
use crate::request::{self, Given, Outcome};

/// The API's name in metrics.
const API: &str = "CertificateSigningRequest";

/// The API server did not answer, or the deadline passed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not take a write.
    #[error("the API server did not take the write: {0}")]
    Write(#[source] kube::Error),
    /// The SubjectAccessReview was not answered.
    #[error("the SubjectAccessReview was not answered: {0}")]
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
    let _in_flight = context.health.begin();
    tokio::time::timeout(DEADLINE, answer(&object, &context)).await?
}

async fn answer(object: &CertificateSigningRequest, context: &Context) -> Result<Action, Error> {
    let Some((issuer, mut asked)) = intake::read(object) else {
        return Ok(Action::await_change());
    };
    let found = context.find(&issuer);
    let missing = matches!(found, Found::Missing);
    if !missing && intake::needs_review(&issuer, &asked) {
        asked.may_reference = reference::is_allowed(&context.client, &object.spec, &issuer)
            .await
            .map_err(Error::Review)?;
    }
    let given = Given {
        issuer: &issuer,
        found: &found,
        metrics: &context.metrics,
        now: (context.now)(),
    };
    let outcome = request::work(asked, given).await;
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let news = outcome
        .labels()
        .is_some_and(|(_, reason)| context.attempts.is_news(uid, reason));
    let plan = status::plan(&outcome, news, (context.now)());
    let api = Api::all(context.client.clone());
    let written = context
        .writer
        .carry_out(&api, object, plan)
        .await
        .map_err(Error::Write)?;
    if written == Written::Conflict {
        context.metrics.conflict();
        return Ok(Action::requeue(context.attempts.failed(uid)));
    }
    if news {
        record(object, &outcome, (!missing).then_some(&issuer), context);
    }
    Ok(next(&outcome, uid, context))
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
    let wait = context
        .attempts
        .failed(object.metadata.uid.as_deref().unwrap_or_default());
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
    context.metrics.decided(API, issuer, label, reason);
    tracing::info!(
        name = object.name_any(),
        signer = object.spec.signer_name,
        outcome = label,
        reason = %reason,
        requester = object.spec.username,
        "CertificateSigningRequest"
    );
}
