//! A chain that exists, in a Secret or a ConfigMap. It is followed when it changes.

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_api::{Existing, IssuerSpec};
use signet_core::ca::offer::{self, Expectations, TrustedRoots};
use signet_core::ca::{CaCertificate, CaChain, ChainError};
use signet_core::x509::public_key::PublicKey;
use signet_keys::{KeyError, Namespace, SecretData};

use super::{Answer, Offer, ParentCa, ParentRequest, judged};
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
                Err(not_ready) => {
                    return Answer {
                        offer: Some(Err(not_ready)),
                        named_roots: None,
                    };
                }
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
            (None, Some(name)) => config_map(namespace, name).await,
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
        let now = request.now;
        let key = request.key.and_then(|key| request.keys.of(key));
        let key = key.map(|key| key.guard.public_key().clone());
        let sought = key.clone();
        let read = move || {
            let offer = offer::Offer {
                path: data.get("tls.crt").unwrap_or_default(),
                roots: data.get("ca.crt"),
            };
            offer::read(&offer, sought.as_ref(), now)
        };
        let tenant = request.issuer.namespace.as_str();
        let chain = request.parsing.run(tenant, read).await;
        let chain = chain.unwrap_or_else(|_| {
            let message = "reading it failed; the operator's log has the cause".to_owned();
            Err(ChainError::Unreadable { index: 1, message }.into())
        });
        match chain {
            Ok(chain) => Answer {
                named_roots: Some(roots(&chain)),
                offer: key.map(|key| self.judge(chain, &key, request)),
            },
            Err(refusal) => Answer {
                offer: Some(Err(judged::not_ready(&self.describe(), &refusal))),
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
        let expected = Expectations {
            is_requested: false,
            ..judged::expectations(self.spec, key, request.trust_domain, trusted)
        };
        let accepted = offer::judge(chain, &expected, request.now)
            .map_err(|refusal| judged::not_ready(&self.describe(), &refusal))?;
        judged::offer(accepted, request.now)
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

/// Returns the roots in the object. The highest certificate of a path without a root is trusted only
/// with the generation that it belongs to, and not because it is in the object.
pub(super) fn roots(chain: &CaChain) -> Vec<CaCertificate> {
    let roots = chain.roots().iter();
    roots
        .filter(|root| root.is_self_signed())
        .cloned()
        .collect()
}

fn no_object() -> NotReady {
    IssuerReason::InvalidSpec.stalls(
        "name the Secret or ConfigMap that holds the CA certificate in \
         certificate.existing.secretName or configMapName",
    )
}

async fn config_map(namespace: &dyn Namespace, name: &str) -> Result<SecretData, KeyError> {
    let map = namespace.config_map(name).await?.unwrap_or_default();
    let bytes = map
        .into_iter()
        .map(|(key, value)| (key, value.into_bytes()));
    Ok(bytes.collect())
}
