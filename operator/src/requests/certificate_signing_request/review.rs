//! Whether a requester may use a namespaced issuer: a SubjectAccessReview.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use kube::Api;
use kube::api::PostParams;
use kube::core::Status;
use parking_lot::Mutex;
use signet_api::GROUP;
use signet_core::request::Requester;
use signet_keys::{FairSemaphore, KeyedSemaphore};
use tokio::time::Instant;

use crate::context::Context;
use crate::deadline::queued;
use crate::issuer_name::IssuerName;

/// How long a permission that was granted is taken for granted.
const ALLOWED: Duration = Duration::from_secs(30);
/// The maximum number of answers that are kept.
const MAX_ANSWERS: usize = 1024;
/// The maximum number of reviews in flight.
const MAX_CONCURRENT: u16 = 16;

/// Answers of the API server, each for a short time.
#[derive(Debug)]
pub(crate) struct Reviews {
    answers: Mutex<Answers>,
    /// One for each question, so that requests that ask it at the same time ask once.
    asking: KeyedSemaphore<String>,
    permits: FairSemaphore,
}

impl Default for Reviews {
    fn default() -> Self {
        Self {
            answers: Mutex::default(),
            asking: KeyedSemaphore::new(1),
            permits: FairSemaphore::new(MAX_CONCURRENT),
        }
    }
}

/// Answers by their question, with the time of each. Pure: the clock is given.
#[derive(Debug, Default)]
struct Answers(HashMap<String, (bool, Instant)>);

impl Answers {
    /// Returns the answer for one who began to ask then. A refusal is final for a request, so it is
    /// the answer only for those who asked before it came: the right may have been granted since.
    fn get(&self, question: &str, began: Instant, now: Instant) -> Option<bool> {
        let (is_allowed, at) = self.0.get(question)?;
        let holds = match is_allowed {
            true => now < *at + ALLOWED,
            false => began <= *at,
        };
        holds.then_some(*is_allowed)
    }

    fn put(&mut self, question: String, answer: bool, now: Instant) {
        if self.0.len() >= MAX_ANSWERS {
            self.0
                .retain(|_, (is_allowed, at)| *is_allowed && now < *at + ALLOWED);
        }
        if self.0.len() >= MAX_ANSWERS {
            self.0.clear();
        }
        self.0.insert(question, (answer, now));
    }
}

/// Returns whether the requester has the verb `reference` on `signers` of Signet's group, in the
/// issuer's namespace and by the issuer's name (rule A5-37), as the API server answers, or has answered
/// a moment ago.
pub(super) async fn is_allowed(
    requester: &Requester,
    issuer: &IssuerName,
    context: &Context,
) -> Result<bool, kube::Error> {
    let reviews = &context.reviews;
    let began = Instant::now();
    let review = review(requester, issuer);
    // All of the question, so that no answer is for another one.
    let question = serde_json::to_string(&review.spec).map_err(kube::Error::SerdeError)?;
    let _turn = queued(reviews.asking.enter(question.clone())).await;
    if let Some(answer) = reviews.answers.lock().get(&question, began, Instant::now()) {
        return Ok(answer);
    }
    let _permit = queued(reviews.permits.acquire(&issuer.namespace)).await;
    let api: Api<SubjectAccessReview> = Api::all(context.client.clone());
    // The answer is for those who asked before it was looked for, not before it came.
    let asked = Instant::now();
    let reviewed = api.create(&PostParams::default(), &review).await?;
    let answer = decided(&reviewed.status.unwrap_or_default())?;
    reviews.answers.lock().put(question, answer, asked);
    Ok(answer)
}

/// Returns the answer, unless an authorizer failed before one of them allowed or denied it: a refusal
/// is final, and one that could not be decided is not a refusal.
fn decided(status: &SubjectAccessReviewStatus) -> Result<bool, kube::Error> {
    let is_denied = status.denied.unwrap_or_default();
    match status.evaluation_error.as_deref() {
        Some(error) if !error.is_empty() && !status.allowed && !is_denied => {
            let message = format!("the SubjectAccessReview was not decided: {error}");
            let status = Status::failure(&message, "EvaluationError");
            Err(kube::Error::Api(status.boxed()))
        }
        _ => Ok(status.allowed && !is_denied),
    }
}

fn review(requester: &Requester, issuer: &IssuerName) -> SubjectAccessReview {
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(requester.username.clone()),
            uid: Some(requester.uid.clone()),
            groups: Some(requester.groups.clone()),
            extra: Some(requester.extra.clone()),
            resource_attributes: Some(ResourceAttributes {
                group: Some(GROUP.to_owned()),
                resource: Some("signers".to_owned()),
                verb: Some("reference".to_owned()),
                namespace: Some(issuer.namespace.clone()),
                name: Some(issuer.name.clone()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api_error::describe;
    use crate::fixtures::{alice, shop_ca};

    /// A refusal is final, and who was refused asks again once the right is granted.
    #[test]
    fn answers_expire_and_refusals_are_for_those_who_wait() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut answers = Answers::default();
        assert_eq!(answers.get("a", begin, begin), None);
        answers.put("a".to_owned(), true, at(1));
        answers.put("b".to_owned(), false, at(1));
        for (began, now, allowed, refused) in [
            (0, 1, Some(true), Some(false)),
            (1, 9, Some(true), Some(false)),
            (2, 2, Some(true), None),
            (2, 30, Some(true), None),
            (2, 31, None, None),
        ] {
            let found = ["a", "b"].map(|question| answers.get(question, at(began), at(now)));
            assert_eq!(found, [allowed, refused], "{began} {now}");
        }
        answers.put("a".to_owned(), false, at(31));
        assert_eq!(answers.get("a", at(31), at(32)), Some(false));
    }

    #[test]
    fn answers_are_bounded() {
        let begin = Instant::now();
        let mut answers = Answers::default();
        for number in 0..MAX_ANSWERS {
            answers.put(number.to_string(), number % 2 == 0, begin);
        }
        assert_eq!(answers.0.len(), MAX_ANSWERS);
        answers.put("more".to_owned(), true, begin);
        assert_eq!(answers.0.len(), MAX_ANSWERS / 2 + 1, "refusals go first");
        for number in 0..MAX_ANSWERS {
            answers.put(format!("x{number}"), true, begin);
        }
        assert!(answers.0.len() <= MAX_ANSWERS);
    }

    #[test]
    fn a_review_that_could_not_be_decided_is_not_a_refusal() {
        let failed = "role.rbac.authorization.k8s.io \"users\" not found";
        for (status, expected) in [
            (json!({ "allowed": true }), Some(true)),
            (json!({ "allowed": false }), Some(false)),
            (json!({ "allowed": false, "denied": true }), Some(false)),
            (json!({ "allowed": true, "denied": true }), Some(false)),
            (
                json!({ "allowed": false, "evaluationError": "" }),
                Some(false),
            ),
            (
                json!({ "allowed": true, "evaluationError": failed }),
                Some(true),
            ),
            (
                json!({ "allowed": false, "denied": true, "evaluationError": failed }),
                Some(false),
            ),
            (json!({ "allowed": false, "evaluationError": failed }), None),
        ] {
            let answer = decided(&serde_json::from_value(status.clone()).unwrap());
            assert_eq!(answer.as_ref().ok().copied(), expected, "{status}");
            if let Err(error) = answer {
                let message = describe(&error);
                assert!(message.contains(failed), "{message}");
            }
        }
    }

    #[test]
    fn a5_37_the_review_is_about_the_requester_and_this_issuer_alone() {
        assert_eq!(
            json!(review(&alice(), &shop_ca()).spec),
            json!({
                "user": "alice",
                "uid": "alice-1",
                "groups": ["staff"],
                "extra": { "scopes": ["a", "b"] },
                "resourceAttributes": {
                    "group": "signet.dev",
                    "resource": "signers",
                    "verb": "reference",
                    "namespace": "shop",
                    "name": "ca",
                },
            })
        );
    }
}
