//! A person: they take the CSR from the status, and put the signed chain into an object.

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_api::{CertificateSource, Manual, RootTrust};
use signet_core::ca::{CaCertificate, CaChain, ChainError};
use signet_core::issue::Csr;
use signet_keys::SecretData;

use super::{Answer, Offer, ParentCa, ParentRequest};
use crate::issuers::facts::Facts;
use crate::issuers::reason::{IssuerReason, NotReady};

/// A person, and the object that they put the chain into.
#[derive(Clone, Copy, Debug)]
pub(in crate::issuers) struct ByPerson<'a> {
    pub(in crate::issuers) manual: &'a Manual,
}

/// Returns the generation that waits for a person, its CSR, and where the chain belongs.
pub(in crate::issuers) fn pending_csr(facts: &Facts) -> Option<(u32, &Csr, String)> {
    let Some(CertificateSource::Manual(manual)) = facts.spec.certificate.source() else {
        return None;
    };
    let next = facts.next().filter(|next| next.chain.is_none())?;
    Some((
        next.number(),
        next.csr.as_ref()?,
        ByPerson { manual }.place(),
    ))
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

impl ByPerson<'_> {
    fn place(&self) -> String {
        match (&self.manual.secret_name, &self.manual.config_map_name) {
            (Some(name), _) => format!("the Secret {name}"),
            (None, name) => format!("the ConfigMap {}", name.as_deref().unwrap_or_default()),
        }
    }

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
                self.place()
            ))));
        }
        let now = request.now;
        let read = move || {
            let tls_crt = data.get("tls.crt").unwrap_or_default();
            CaChain::from_pem(tls_crt, data.get("ca.crt"), now)
        };
        let chain = request.parsing.run(&request.issuer.namespace, read).await;
        let chain = chain.unwrap_or_else(|_| {
            let message = "reading it failed; the operator's log has the cause".to_owned();
            Err(ChainError::Unreadable { index: 1, message })
        });
        match chain {
            Ok(chain) => Answer {
                named_roots: Some(super::existing::roots(&chain)),
                offer: self.judge(chain, request),
            },
            Err(error) => Answer {
                offer: Some(Err(IssuerReason::InvalidCa
                    .waits(format!("the chain in {}: {error}", self.place())))),
                named_roots: None,
            },
        }
    }

    /// Judges a chain. None if it is one that a generation has already: the person has not put
    /// another one there yet.
    fn judge(
        &self,
        chain: CaChain,
        request: &ParentRequest<'_>,
    ) -> Option<Result<Offer, NotReady>> {
        if is_known(&chain, request) {
            return None;
        }
        let requested = request.requested.map(|one| one.key.fingerprint.as_str());
        let key = requested.or(request.key)?;
        let checked = self.check_key(&chain, key).and_then(|()| {
            let ended = chain.not_after();
            match request.now < ended {
                true => Ok(()),
                false => Err(IssuerReason::CaExpired.waits(format!(
                    "the chain in {}: the certificate or one above it expired at {ended}",
                    self.place()
                ))),
            }
        });
        Some(checked.and_then(|()| Offer::new(chain, RootTrust::Listed, request.now)))
    }

    fn check_key(&self, chain: &CaChain, key: &str) -> Result<(), NotReady> {
        let own = chain.issuing().public_key().fingerprint();
        if own == key {
            return Ok(());
        }
        Err(IssuerReason::KeyMismatch.waits(format!(
            "the certificate {} in {} is for the key {own}, and the CSR in status.csr for {key}; get \
             that CSR signed",
            chain.issuing().subject(),
            self.place()
        )))
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
