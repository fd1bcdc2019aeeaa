//! The issuer's own key: it signs its own root.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_api as api;
use signet_api::RootTrust;
use signet_core::ca::{CaCertificate, CaChain};
use signet_core::issue::{SelfSigned, assemble_root};
use signet_core::x509::names::NameSet;
use signet_keys::GuardedSigner;

use super::request::{by_default, parse};
use super::{Answer, Offer, ParentCa, ParentRequest};
use crate::issuers::generation::Stored;
use crate::issuers::reason::{IssuerReason, NotReady};

/// The field of `spec.certificate`.
const FIELD: &str = "selfSigned";
/// Ten years of 365 days.
const DEFAULT_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The key of the generation that waits for its certificate.
#[derive(Clone, Copy, Debug)]
pub(in crate::issuers) struct OwnRoot<'a> {
    pub(in crate::issuers) spec: &'a api::SelfSigned,
}

impl ParentCa for OwnRoot<'_> {
    fn poll<'a>(&'a self, request: &'a ParentRequest<'a>) -> BoxFuture<'a, Answer> {
        async move {
            let Some(requested) = request.requested else {
                return self
                    .check_subject()
                    .map_or_else(|error| Answer::of(Err(error)), |()| Answer::none());
            };
            // Without the key, the issuer reports why.
            let Some(key) = request.keys.of(&requested.key.fingerprint) else {
                return Answer::none();
            };
            let root = self.root(request, requested);
            let signed = async { sign(&root?, &key.guard, request).await };
            let chain = signed.await.map(CaChain::from_root);
            Answer::of(chain.and_then(|chain| Offer::new(chain, RootTrust::Created, request.now)))
        }
        .boxed()
    }
}

impl OwnRoot<'_> {
    fn root(
        &self,
        request: &ParentRequest<'_>,
        requested: &Stored,
    ) -> Result<SelfSigned, NotReady> {
        let kept = || renewed(request, requested)?.subject_name();
        let subject = match &self.spec.subject {
            Some(subject) => parse(subject, FIELD)?,
            None => match kept() {
                Some(subject) => subject,
                None => by_default(request.issuer, requested.number(), &NameSet::default())?,
            },
        };
        Ok(SelfSigned {
            uid: request.uid.to_owned(),
            subject,
            duration: self
                .spec
                .duration
                .map_or(DEFAULT_DURATION, |duration| duration.0),
            path_length: self.spec.path_length,
            trust_domain: request.trust_domain.clone(),
        })
    }

    /// Before a key is created: it would only be in the way of a spec that cannot work.
    fn check_subject(&self) -> Result<(), NotReady> {
        self.spec
            .subject
            .as_deref()
            .map_or(Ok(()), |subject| parse(subject, FIELD).map(drop))
    }
}

/// Returns the newest root over the same key, whose subject stays.
fn renewed<'a>(request: &ParentRequest<'a>, requested: &Stored) -> Option<&'a CaCertificate> {
    let newest_first = request.generations.stored.iter().rev();
    let mut same_key = newest_first.filter(|one| one.key.fingerprint == requested.key.fingerprint);
    same_key.find_map(|one| Some(one.chain.as_ref()?.issuing()).filter(|ca| ca.is_self_signed()))
}

async fn sign(
    root: &SelfSigned,
    signer: &GuardedSigner,
    request: &ParentRequest<'_>,
) -> Result<CaCertificate, NotReady> {
    let tbs = root
        .to_be_signed(signer.public_key(), signer.algorithm(), request.now)
        .map_err(|error| IssuerReason::InvalidSpec.stalls(error.to_string()))?;
    let signature = signer
        .sign(&tbs)
        .await
        .map_err(|error| NotReady::from_key(&error))?;
    assemble_root(&tbs, &signature)
        .map_err(|error| IssuerReason::SignatureMismatch.waits(error.to_string()))
}
