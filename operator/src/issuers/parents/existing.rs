//! A chain that exists, in a Secret or a ConfigMap. It is followed when it changes.

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_api::{Existing, IssuerSpec};
use signet_core::ca::CaChain;
use signet_core::ca::offer::{Expectations, Refusal};
use signet_core::x509::public_key::PublicKey;
use signet_keys::SecretData;

use super::{Answer, Offer, ParentCa, ParentRequest, judged, object};
use crate::issuers::named_object::NamedObject;
use crate::issuers::reason::{IssuerReason, NotReady};

/// The object that a spec names.
#[derive(Clone, Copy, Debug)]
pub(in crate::issuers) struct ExistingChain<'a> {
    pub(in crate::issuers) spec: &'a IssuerSpec,
    pub(in crate::issuers) existing: &'a Existing,
}

impl ParentCa for ExistingChain<'_> {
    fn poll<'a>(&'a self, request: &'a ParentRequest<'a>) -> BoxFuture<'a, Answer> {
        async move {
            let data = match self.data(request).await {
                Ok(Some(data)) => data,
                // The issuer reports why there is no key.
                Ok(None) => return Answer::default(),
                Err(not_ready) => return Answer::unreadable(not_ready),
            };
            self.read(data, request).await
        }
        .boxed()
    }
}

impl ExistingChain<'_> {
    /// Returns the object's data; none if the certificate is beside a key that was not found.
    async fn data(&self, request: &ParentRequest<'_>) -> Result<Option<SecretData>, NotReady> {
        let Some(object) = self.object() else {
            return match request.keys.of_spec() {
                Some(Ok(key)) => key.colocated_secret.clone().map(Some).ok_or_else(no_object),
                _ => Ok(None),
            };
        };
        match object.read(request.namespace).await {
            Ok(Some(data)) => Ok(Some(data)),
            Ok(None) => Err(IssuerReason::InvalidCa.waits_for_object(format!(
                "{object} does not exist; put the CA certificate there, under tls.crt"
            ))),
            Err(error) => Err(NotReady::from_key(&error)),
        }
    }

    /// Returns the object with the chain; none if it is the Secret of the key.
    fn object(&self) -> Option<NamedObject<'_>> {
        let Existing {
            secret_name,
            config_map_name,
        } = self.existing;
        NamedObject::new(secret_name.as_deref(), config_map_name.as_deref())
    }

    async fn read(&self, data: SecretData, request: &ParentRequest<'_>) -> Answer {
        let key = object::key(request.key.as_deref(), request);
        match object::chain(object::certificates(&data), key.clone(), request).await {
            Ok(chain) => Answer {
                named_roots: Some(object::roots(&chain)),
                offer: key.map(|key| self.judge(chain, &key, request)),
                ..Answer::default()
            },
            Err(refusal) => Answer::unreadable(self.refused(&refusal)),
        }
    }

    fn judge(
        &self,
        chain: CaChain,
        key: &PublicKey,
        request: &ParentRequest<'_>,
    ) -> Result<Offer, NotReady> {
        let expected = Expectations {
            is_requested: false,
            ..judged::expectations(
                self.spec,
                key,
                request.trust_domain.as_ref(),
                request.roots.of_object(),
            )
        };
        object::judge(chain, &expected, request, |refusal| self.refused(refusal))
    }

    fn refused(&self, refusal: &Refusal) -> NotReady {
        judged::not_ready(&self.describe(), refusal)
    }

    fn describe(&self) -> String {
        match self.object() {
            Some(object) => format!("the CA certificate in {object}"),
            None => {
                let key = self.spec.key.backend().reference();
                format!("the CA certificate of {key}")
            }
        }
    }
}

fn no_object() -> NotReady {
    IssuerReason::InvalidSpec.stalls(
        "name the Secret or ConfigMap that holds the CA certificate in \
         certificate.existing.secretName or configMapName",
    )
}
