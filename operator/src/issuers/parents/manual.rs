//! A person: they take the CSR from the status, and put the signed chain into an object.

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_api::{CertificateSource, IssuerSpec, Manual};
use signet_core::ca::offer::Refusal;
use signet_core::ca::{CaCertificate, CaChain};
use signet_core::issue::Csr;
use signet_core::x509::public_key::PublicKey;
use signet_keys::SecretData;

use super::{Answer, Offer, ParentCa, ParentRequest, judged, object};
use crate::issuers::facts::Facts;
use crate::issuers::named_object::NamedObject;
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
                Err(not_ready) => Answer::unreadable(not_ready),
            }
        }
        .boxed()
    }
}

fn object_of(manual: &Manual) -> Option<NamedObject<'_>> {
    NamedObject::new(
        manual.secret_name.as_deref(),
        manual.config_map_name.as_deref(),
    )
}

/// Returns where the chain belongs, for messages. The schema requires one of the names.
fn place(manual: &Manual) -> String {
    object_of(manual).map_or_else(String::new, |object| object.to_string())
}

impl ByPerson<'_> {
    /// Returns the object's data; none if there is no such object yet.
    async fn data(&self, request: &ParentRequest<'_>) -> Result<Option<SecretData>, NotReady> {
        let Some(object) = object_of(self.manual) else {
            return Ok(None);
        };
        let data = object.read(request.namespace).await;
        data.map_err(|error| NotReady::from_key(&error))
    }

    async fn read(&self, data: SecretData, request: &ParentRequest<'_>) -> Answer {
        if data.get("tls.crt").is_none_or(<[u8]>::is_empty) {
            return Answer::of(Err(IssuerReason::InvalidCa.waits_for_object(format!(
                "{} has no tls.crt; put the signed certificate and the intermediates above it there, \
                 and the root into ca.crt",
                place(self.manual)
            ))));
        }
        let requested = request.requested.map(|one| one.key.fingerprint.as_str());
        let key = object::key(requested.or(request.key.as_deref()), request);
        let chain = match object::chain(object::certificates(&data), key.clone(), request).await {
            Ok(chain) => chain,
            Err(refusal) => return Answer::unreadable(self.refused(&refusal)),
        };
        Answer {
            named_roots: Some(object::roots(&chain)),
            // The person has not put another one there yet if it is known.
            offer: key
                .filter(|_| !is_known(&chain, request))
                .map(|key| self.judge(chain, &key, request)),
            ..Answer::default()
        }
    }

    fn judge(
        &self,
        chain: CaChain,
        key: &PublicKey,
        request: &ParentRequest<'_>,
    ) -> Result<Offer, NotReady> {
        let trusted = request.roots.of_object();
        let expected = judged::expectations(self.spec, key, request.trust_domain.as_ref(), trusted);
        object::judge(chain, &expected, request, |refusal| self.refused(refusal))
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
