//! A chain that exists, in a Secret or a ConfigMap. It is followed when it changes.

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_api::{Existing, IssuerSpec};
use signet_core::ca::CaChain;
use signet_core::ca::offer::{Expectations, Refusal};
use signet_core::x509::public_key::PublicKey;
use signet_keys::SecretData;

use super::{Answer, Offer, ParentCa, ParentRequest, judged, object};
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
        let namespace = request.namespace;
        let data = match (&self.existing.secret_name, &self.existing.config_map_name) {
            (Some(name), _) => namespace.secret(name).await.map(Option::unwrap_or_default),
            (None, Some(name)) => {
                let data = object::config_map(namespace, name).await;
                data.map(Option::unwrap_or_default)
            }
            (None, None) => match request.keys.of_spec() {
                Some(Ok(key)) => {
                    return key.colocated_secret.clone().map(Some).ok_or_else(no_object);
                }
                _ => return Ok(None),
            },
        };
        data.map(Some).map_err(|error| NotReady::from_key(&error))
    }

    async fn read(&self, data: SecretData, request: &ParentRequest<'_>) -> Answer {
        let key = object::key(request.key, request);
        match object::chain(data, key.clone(), request).await {
            Ok(chain) => Answer {
                named_roots: Some(object::roots(&chain)),
                offer: key.map(|key| self.judge(chain, &key, request)),
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
            ..judged::expectations(self.spec, key, request.trust_domain, object::trusted())
        };
        object::judge(chain, &expected, request, |refusal| self.refused(refusal))
    }

    fn refused(&self, refusal: &Refusal) -> NotReady {
        judged::not_ready(&self.describe(), refusal)
    }

    fn describe(&self) -> String {
        match (&self.existing.secret_name, &self.existing.config_map_name) {
            (Some(name), _) => format!("the CA certificate in the Secret {name}"),
            (None, Some(name)) => format!("the CA certificate in the ConfigMap {name}"),
            (None, None) => {
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
