//! A chain that exists, in a Secret or a ConfigMap. It is followed when it changes.

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use signet_api::{Existing, IssuerSpec, RootTrust};
use signet_core::ca::lifecycle::MAX_BUNDLE;
use signet_core::ca::{CaCertificate, CaChain, ChainError};
use signet_keys::{KeyError, Namespace, SecretData};

use super::{Answer, Offer, ParentCa, ParentRequest};
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
        let read = move || {
            let tls_crt = data.get("tls.crt").unwrap_or_default();
            CaChain::from_pem(tls_crt, data.get("ca.crt"), now)
        };
        let tenant = request.issuer.namespace.as_str();
        let chain = request.parsing.run(tenant, read).await;
        let chain = chain.unwrap_or_else(|_| {
            let message = "reading it failed; the operator's log has the cause".to_owned();
            Err(ChainError::Unreadable { index: 1, message })
        });
        match chain {
            Ok(chain) => Answer {
                named_roots: Some(roots(&chain)),
                offer: self.judge(chain, request),
            },
            Err(error) => Answer {
                offer: Some(Err(
                    IssuerReason::InvalidCa.stalls(format!("{}: {error}", self.describe()))
                )),
                named_roots: None,
            },
        }
    }

    /// Checks that a chain is for the key and can issue. None if the key is not known.
    fn judge(
        &self,
        chain: CaChain,
        request: &ParentRequest<'_>,
    ) -> Option<Result<Offer, NotReady>> {
        let key = request.key?;
        let checked = self
            .check_key(&chain, key)
            .and_then(|()| self.check_expiry(&chain, request.now))
            .and_then(|()| self.check_roots(&chain));
        Some(checked.and_then(|()| Offer::new(chain, RootTrust::Listed, request.now)))
    }

    fn check_key(&self, chain: &CaChain, key: &str) -> Result<(), NotReady> {
        if chain.issuing().public_key().fingerprint() == key {
            return Ok(());
        }
        Err(IssuerReason::KeyMismatch.stalls(format!(
            "{} does not match the CA certificate {}; use a key and a certificate that belong \
             together",
            self.spec.key.backend().reference(),
            chain.issuing().subject()
        )))
    }

    fn check_expiry(&self, chain: &CaChain, now: Timestamp) -> Result<(), NotReady> {
        if now < chain.not_after() {
            return Ok(());
        }
        Err(IssuerReason::CaExpired.stalls(format!(
            "{}: it or a certificate above it expired at {}; replace it with a valid certificate",
            self.describe(),
            chain.not_after()
        )))
    }

    fn check_roots(&self, chain: &CaChain) -> Result<(), NotReady> {
        let bytes: usize = chain.roots().iter().map(|root| root.pem().len()).sum();
        if bytes <= MAX_BUNDLE {
            return Ok(());
        }
        Err(IssuerReason::InvalidCa.stalls(format!(
            "{}: its roots have {bytes} bytes, and a trust bundle at most {MAX_BUNDLE}; remove \
             roots",
            self.describe()
        )))
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
