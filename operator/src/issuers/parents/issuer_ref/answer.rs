//! What a request means for the issuer: wait, try again, or a certificate.

use std::time::Duration;

use jiff::Timestamp;
use signet_core::ca::CaCertificate;
use signet_core::ca::offer::Refusal;

use super::find::Found;
use super::verdict::{self, Response, Verdict};
use super::{IssuerAbove, Wanted};
use crate::issuers::parents::backoff::{MAX_REPEAT, backoff, later, max_repeat};
use crate::issuers::parents::{Answer, Attempt, Offer, ParentRequest, judged, object};
use crate::issuers::reason::{IssuerReason, NotReady};
use crate::issuers::submission::{Signed, Submission};

/// How soon a request is read again while its generation is new, and how late after that.
const MIN_POLL: Duration = Duration::from_secs(1);
const MAX_POLL: Duration = Duration::from_secs(5);
/// After a request that failed, doubled with each attempt.
const MIN_RETRY: Duration = Duration::from_secs(10);
const MAX_RETRY: Duration = Duration::from_secs(6 * 3600);
/// After a request that could not be created, or was deleted.
const MIN_REPEAT: Duration = Duration::from_secs(2);

impl IssuerAbove<'_> {
    pub(super) async fn judge(
        &self,
        found: Found<'_>,
        bundle_above: &[CaCertificate],
        request: &ParentRequest<'_>,
    ) -> Answer {
        let (wanted, attempt, name, object, foreign) = match found {
            Found::Free(name) => return first(name.attempt, request),
            Found::Request {
                wanted,
                name,
                object,
                foreign,
            } => {
                let shown = format!("the CertificateRequest {}", name.for_issuer(request.issuer));
                (wanted, name.attempt, shown, object, foreign)
            }
        };
        match verdict::read(&object, request.now) {
            Verdict::Waiting(why) => {
                let foreign = foreign.map_or(String::new(), |foreign| format!("; {foreign}"));
                pending(format!("{name} {why}{foreign}"), request)
            }
            Verdict::Failed { message, at } => {
                let refused = IssuerReason::ParentRefused.waits(format!("{name} {message}"));
                self.again((wanted, attempt), at, refused, request).await
            }
            Verdict::Issued(response) => {
                let at = response.at;
                match self
                    .offer(&name, wanted, response, bundle_above, request)
                    .await
                {
                    Ok(offer) => Answer::of(Ok(offer)),
                    Err(Unusable::Now(not_ready)) => Answer {
                        poll_at: Some(soon(MAX_RETRY, request)),
                        ..Answer::of(Err(not_ready))
                    },
                    Err(Unusable::Ever(not_ready)) => {
                        self.again((wanted, attempt), at, not_ready, request).await
                    }
                }
            }
        }
    }

    /// Reads and judges what the parent returned. `ca` is a hint: it may be an intermediate, and
    /// what is not PEM is left out.
    async fn offer(
        &self,
        name: &str,
        wanted: Wanted<'_>,
        response: Response,
        bundle_above: &[CaCertificate],
        request: &ParentRequest<'_>,
    ) -> Result<Offer, Unusable> {
        let place = format!("the certificate in {name}");
        let unusable = |refusal: &Refusal| Unusable::of(&place, refusal);
        let key = wanted.csr.public_key();
        let signed = Signed {
            roots: object::readable_roots(response.signed.roots, request).await,
            ..response.signed
        };
        let chain = object::chain(signed, Some(key.clone()), request).await;
        let chain = chain.map_err(|refusal| unusable(&refusal))?;
        let roots = request.roots.of_parent(bundle_above);
        let roots = roots.map_err(Unusable::Now)?;
        let trust_domain = request.trust_domain.as_ref();
        let expected = judged::expectations(self.spec, key, trust_domain, roots.trusted());
        let offer = judged::judge(chain, &expected, request.now);
        let offer = offer.map_err(|refusal| unusable(&refusal))?;
        offer.map_err(Unusable::Ever)
    }

    /// Another attempt is made when the backoff is over; under a name that is free.
    async fn again(
        &self,
        (wanted, attempt): (Wanted<'_>, u32),
        failed: Timestamp,
        refused: NotReady,
        request: &ParentRequest<'_>,
    ) -> Answer {
        let at = later(failed, backoff(attempt, MIN_RETRY, MAX_RETRY));
        let mut number = attempt.saturating_add(1);
        if at <= request.now {
            match self.next(wanted, number, request).await {
                Ok(Found::Free(name)) => number = name.attempt,
                Ok(Found::Request { .. }) => return pending(refused.message, request),
                Err(not_ready) => return unavailable(&not_ready, request),
            }
        }
        let message = format!(
            "{}; Signet makes another request at {at}, or when this one is deleted",
            refused.message
        );
        Answer {
            attempt: Some(Attempt { number, at }),
            poll_at: Some(soon(MAX_REPEAT, request)),
            ..Answer::of(Err(NotReady {
                message,
                stalled: false,
                ..refused
            }))
        }
    }
}

/// Why a certificate is not used.
enum Unusable {
    /// It may be used later, or when the spec trusts its root.
    Now(NotReady),
    /// Only another request can help.
    Ever(NotReady),
}

impl Unusable {
    fn of(place: &str, refusal: &Refusal) -> Self {
        let not_ready = judged::not_ready(place, refusal);
        match judged::may_pass(refusal) {
            true => Self::Now(not_ready),
            false => Self::Ever(not_ready),
        }
    }
}

/// No request of the CSR exists.
fn first(number: u32, request: &ParentRequest<'_>) -> Answer {
    let submitted = request.submission;
    let at = submitted.map_or(request.now, |last| {
        later(last.at, backoff(last.count, MIN_REPEAT, longest(last)))
    });
    Answer {
        attempt: Some(Attempt { number, at }),
        pending: submitted.map(|last| gone(last, at)),
        ..Answer::none()
    }
}

fn longest(last: &Submission) -> Duration {
    let failed = last.result.as_ref().err();
    failed.map_or(MAX_REPEAT, max_repeat)
}

fn gone(last: &Submission, at: Timestamp) -> String {
    match &last.result {
        Ok(_) => format!("its CertificateRequest was deleted; Signet makes another one at {at}"),
        Err(failed) => failed.message.clone(),
    }
}

/// The certificate is waited for.
pub(super) fn pending(why: String, request: &ParentRequest<'_>) -> Answer {
    Answer {
        pending: Some(why),
        poll_at: Some(soon(MAX_POLL, request)),
        ..Answer::none()
    }
}

/// Nothing is requested, because the parent could not sign what is needed.
pub(super) fn withheld(why: NotReady, request: &ParentRequest<'_>) -> Answer {
    Answer {
        poll_at: Some(soon(MAX_POLL, request)),
        ..Answer::of(Err(why))
    }
}

/// The requests cannot be read. Without a generation that waits, nothing is missing.
pub(super) fn unavailable(not_ready: &NotReady, request: &ParentRequest<'_>) -> Answer {
    match request.requested {
        Some(_) => pending(not_ready.message.clone(), request),
        None => Answer::none(),
    }
}

/// Returns when to look again: after a tenth of the time that the generation has waited.
fn soon(max: Duration, request: &ParentRequest<'_>) -> Timestamp {
    let since = request
        .requested
        .map_or(request.now, |next| next.facts.prepared);
    let waited = Duration::try_from(request.now.duration_since(since)).unwrap_or_default();
    later(request.now, (waited / 10).clamp(MIN_POLL, max))
}
