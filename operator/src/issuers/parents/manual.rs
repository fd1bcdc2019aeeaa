//! A person: they take the CSR from the status, and put the signed chain into an object.

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_api::{CertificateSource, IssuerSpec, Manual};
use signet_core::ca::offer::{self, Refusal, TrustedRoots};
use signet_core::ca::{CaCertificate, CaChain, ChainError};
use signet_core::issue::Csr;
use signet_core::x509::public_key::PublicKey;
use signet_keys::SecretData;

use super::{Answer, Offer, ParentCa, ParentRequest, judged};
use crate::issuers::facts::Facts;
use crate::issuers::reason::{IssuerReason, NotReady};

/// A person, and the object that they put the chain into.
#[derive(Clone, Copy, Debug)]
pub(in crate::issuers) struct ByPerson<'a> {
    pub(in crate::issuers) spec: &'a IssuerSpec,
    pub(in crate::issuers) manual: &'a Manual,
}

/// Returns the generation that waits for a person, its CSR, and where the chain belongs.
pub(in crate::issuers) fn pending_csr(facts: &Facts) -> Option<(u32, &Csr, String)> {
    let Some(CertificateSource::Manual(manual)) = facts.spec.certificate.source() else {
        return None;
    };
    let next = facts.next().filter(|next| next.chain.is_none())?;
    Some((next.number(), next.csr.as_ref()?, place(manual)))
}

impl ParentCa for ByPerson<'_> {
    fn poll<'a>(&'a self, request: &'a ParentRequest<'a>) -> BoxFuture<'a, Answer> {
        async move {
            match self.data(request).await {
                Ok(Some(data)) => self.read(data, request).await,
                Ok(None) => Answer::none(),
                Err(not_ready) => Answer {
                    offer: Some(Err(not_ready)),
                    named_roots: None,
                },
            }
        }
        .boxed()
    }
}

fn place(manual: &Manual) -> String {
    match (&manual.secret_name, &manual.config_map_name) {
        (Some(name), _) => format!("the Secret {name}"),
        (None, name) => format!("the ConfigMap {}", name.as_deref().unwrap_or_default()),
    }
}

impl ByPerson<'_> {
    /// Returns the object's data; none if there is no such object yet.
    async fn data(&self, request: &ParentRequest<'_>) -> Result<Option<SecretData>, NotReady> {
        let namespace = request.namespace;
        let data = match (&self.manual.secret_name, &self.manual.config_map_name) {
            (Some(name), _) => namespace.secret(name).await,
            (None, Some(name)) => namespace.config_map(name).await.map(|map| {
                let bytes = |(key, text): (String, String)| (key, text.into_bytes());
                map.map(|map| map.into_iter().map(bytes).collect())
            }),
            (None, None) => Ok(None),
        };
        data.map_err(|error| NotReady::from_key(&error))
    }

    async fn read(&self, data: SecretData, request: &ParentRequest<'_>) -> Answer {
        if data.get("tls.crt").is_none_or(<[u8]>::is_empty) {
            return Answer::of(Err(IssuerReason::InvalidCa.waits(format!(
                "{} has no tls.crt; put the signed certificate and the intermediates above it there, \
                 and the root into ca.crt",
                place(self.manual)
            ))));
        }
        let now = request.now;
        let requested = request.requested.map(|one| one.key.fingerprint.as_str());
        let key = requested
            .or(request.key)
            .and_then(|key| request.keys.of(key));
        let key = key.map(|key| key.guard.public_key().clone());
        let sought = key.clone();
        let read = move || {
            let offer = offer::Offer {
                path: data.get("tls.crt").unwrap_or_default(),
                roots: data.get("ca.crt"),
            };
            offer::read(&offer, sought.as_ref(), now)
        };
        let chain = request.parsing.run(&request.issuer.namespace, read).await;
        let chain = chain.unwrap_or_else(|_| {
            let message = "reading it failed; the operator's log has the cause".to_owned();
            Err(ChainError::Unreadable { index: 1, message }.into())
        });
        match (chain, key) {
            (Ok(chain), Some(key)) if !is_known(&chain, request) => Answer {
                named_roots: Some(super::existing::roots(&chain)),
                offer: Some(self.judge(chain, &key, request)),
            },
            // The person has not put another one there yet.
            (Ok(chain), _) => Answer {
                named_roots: Some(super::existing::roots(&chain)),
                offer: None,
            },
            (Err(refusal), _) => Answer {
                offer: Some(Err(self.refused(&refusal))),
                named_roots: None,
            },
        }
    }

    fn judge(
        &self,
        chain: CaChain,
        key: &PublicKey,
        request: &ParentRequest<'_>,
    ) -> Result<Offer, NotReady> {
        // The spec names the object, and with it the roots in it.
        let trusted = TrustedRoots {
            offered: true,
            ..TrustedRoots::default()
        };
        let expected = judged::expectations(self.spec, key, request.trust_domain, trusted);
        let accepted = offer::judge(chain, &expected, request.now)
            .map_err(|refusal| self.refused(&refusal))?;
        judged::offer(accepted, request.now)
    }

    /// The person can put another chain there, without a change of the spec.
    fn refused(&self, refusal: &Refusal) -> NotReady {
        let place = place(self.manual);
        if let Refusal::OtherKey(first) = refusal {
            return IssuerReason::KeyMismatch.waits(format!(
                "the chain in {place} is not for the key of the issuer; its first certificate is of \
                 {first}; get the CSR in status.csr signed"
            ));
        }
        NotReady {
            stalled: false,
            ..judged::not_ready(&format!("the chain in {place}"), refusal)
        }
    }
}

fn is_known(chain: &CaChain, request: &ParentRequest<'_>) -> bool {
    let mut known = request.generations.stored.iter();
    let der = CaCertificate::der;
    known.any(|one| {
        let known = one.chain.as_ref();
        known.is_some_and(|known| der(known.issuing()) == der(chain.issuing()))
    })
}
