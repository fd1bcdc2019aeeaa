//! A PKI engine of Vault or OpenBao, which signs as soon as it is asked.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_api::{IssuerSpec, VaultPkiSource};
use signet_core::ca::CaCertificate;
use signet_core::ca::offer::Refusal;
use signet_core::issue::Csr;
use signet_keys::{ErrorClass, IntermediateRequest, KeyError};

use super::backoff::{backoff, later, max_repeat};
use super::{Answer, Attempt, Offer, ParentCa, ParentRequest, judged, object};
use crate::issuers::reason::{IssuerReason, NotReady};
use crate::issuers::roots::Roots;
use crate::issuers::submission::{Signed, Submission, Submitted};

/// After a call that failed, doubled with each. It signed nothing.
const MIN_REPEAT: Duration = Duration::from_secs(2);
/// After a certificate that cannot be used. Each one stays in the mount.
const MIN_RETRY: Duration = Duration::from_secs(60);
const MAX_RETRY: Duration = Duration::from_secs(6 * 3600);

/// The PKI engine that a spec names.
#[derive(Clone, Copy, Debug)]
pub(in crate::issuers) struct PkiEngine<'a> {
    pub(in crate::issuers) spec: &'a IssuerSpec,
    pub(in crate::issuers) source: &'a VaultPkiSource,
}

impl ParentCa for PkiEngine<'_> {
    fn poll<'a>(&'a self, request: &'a ParentRequest<'a>) -> BoxFuture<'a, Answer> {
        async move {
            let Some(csr) = request.requested.and_then(|next| next.csr.as_ref()) else {
                return Answer::none();
            };
            let roots = match request.roots.of_parent(&[]) {
                Ok(roots) => roots,
                // Nothing is signed that could not be judged.
                Err(not_ready) => return Answer::of(Err(not_ready)),
            };
            let Some(last) = request.submission else {
                return Answer {
                    attempt: Some(Attempt {
                        number: 1,
                        at: request.now,
                    }),
                    ..Answer::none()
                };
            };
            match &last.result {
                Ok(Submitted::Signed(signed)) => {
                    self.judge(last, signed, (csr, &roots), request).await
                }
                Ok(Submitted::Pending) => Answer::none(),
                Err(failed) => again(last, failed.clone(), (MIN_REPEAT, max_repeat(failed))),
            }
        }
        .boxed()
    }

    fn submit<'a>(
        &'a self,
        csr: &'a Csr,
        _attempt: u32,
        request: &'a ParentRequest<'a>,
    ) -> BoxFuture<'a, Result<Submitted, NotReady>> {
        async move {
            let wanted = IntermediateRequest {
                csr_pem: csr.pem(),
                // The engine takes it from the CSR.
                common_name: None,
                path_length: self.source.request.path_length,
                ttl: self.source.duration(),
            };
            let pki = &self.source.pki;
            let signed = pki.sign_intermediate(&wanted, request.access).await;
            let signed = signed.map_err(|error| not_ready(&error))?;
            for warning in &signed.warnings {
                tracing::warn!(issuer = %request.issuer, warning, "the PKI engine signed with a warning");
            }
            // The mount may have a root that is not above this certificate's issuer in the response.
            let roots = pki.issuer_chain(request.access).await.ok();
            Ok(Submitted::Signed(Signed {
                path: signed.chain_pem().into_bytes(),
                roots: roots.map(String::into_bytes),
            }))
        }
        .boxed()
    }
}

impl PkiEngine<'_> {
    async fn judge(
        &self,
        last: &Submission,
        signed: &Signed,
        (csr, roots): (&Csr, &Roots),
        request: &ParentRequest<'_>,
    ) -> Answer {
        match self.offer(signed, (csr, roots), request).await {
            Ok(offer) => Answer::of(offer),
            Err(refusal) if judged::may_pass(&refusal) => Answer::of(Err(self.refused(&refusal))),
            Err(refusal) => again(last, self.refused(&refusal), (MIN_RETRY, MAX_RETRY)),
        }
    }

    async fn offer(
        &self,
        signed: &Signed,
        (csr, roots): (&Csr, &Roots),
        request: &ParentRequest<'_>,
    ) -> Result<Result<Offer, NotReady>, Refusal> {
        let key = csr.public_key();
        let signed = Signed {
            path: signed.path.clone(),
            roots: Some(self.above(signed, roots, request).await),
        };
        let chain = object::chain(signed, Some(key.clone()), request).await?;
        let trust_domain = request.trust_domain.as_ref();
        let expected = judged::expectations(self.spec, key, trust_domain, roots.trusted());
        judged::judge(chain, &expected, request.now)
    }

    /// Returns what may be above the path. Many mounts have no root, and the spec may list it.
    async fn above(&self, signed: &Signed, roots: &Roots, request: &ParentRequest<'_>) -> Vec<u8> {
        let hint = object::readable_roots(signed.roots.clone(), request).await;
        let hint = hint.unwrap_or_default();
        let listed = roots
            .in_object()
            .filter(|_| !self.spec.certificate.allow_missing_root);
        let listed: String = listed.map(CaCertificate::pem).collect();
        [hint, listed.into_bytes()].concat()
    }

    fn refused(&self, refusal: &Refusal) -> NotReady {
        let pki = &self.source.pki;
        let place = format!(
            "the certificate from the PKI issuer {} at {}",
            pki.issuer_ref, pki.mount
        );
        judged::not_ready(&place, refusal)
    }
}

/// Another attempt is made when the backoff is over.
fn again(last: &Submission, failed: NotReady, (min, max): (Duration, Duration)) -> Answer {
    let at = later(last.at, backoff(last.count, min, max));
    let number = last.count.saturating_add(1);
    Answer {
        attempt: Some(Attempt { number, at }),
        ..Answer::of(Err(failed))
    }
}

/// Returns why the engine did not sign. Only what the spec itself has wrong stalls: a policy, a mount
/// or a Secret may be created at any time.
fn not_ready(error: &KeyError) -> NotReady {
    let reason = match error.class {
        ErrorClass::CredentialsRefused => IssuerReason::ParentDenied,
        ErrorClass::KeyNotFound => IssuerReason::ParentNotFound,
        ErrorClass::KeyUnusable => IssuerReason::ParentRefused,
        _ => IssuerReason::ParentUnavailable,
    };
    NotReady {
        reason,
        stalled: reason == IssuerReason::ParentRefused,
        ..NotReady::from_key(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_engine_has_a_reason_of_the_parent() {
        for (class, reason, stalled) in [
            (
                ErrorClass::Throttled(None),
                IssuerReason::ParentUnavailable,
                false,
            ),
            (
                ErrorClass::Unreachable,
                IssuerReason::ParentUnavailable,
                false,
            ),
            (
                ErrorClass::InvalidResponse,
                IssuerReason::ParentUnavailable,
                false,
            ),
            (
                ErrorClass::CredentialsRefused,
                IssuerReason::ParentDenied,
                false,
            ),
            (ErrorClass::KeyNotFound, IssuerReason::ParentNotFound, false),
            (ErrorClass::KeyUnusable, IssuerReason::ParentRefused, true),
        ] {
            let found = not_ready(&KeyError::new(class, "x"));
            assert_eq!(
                (found.reason, found.stalled),
                (reason, stalled),
                "{class:?}"
            );
        }
    }
}
