//! A chain in a Secret or ConfigMap that a spec names: `tls.crt`, and the roots in `ca.crt`.

use signet_core::ca::offer::{self, Expectations, Refusal, TrustedRoots};
use signet_core::ca::{CaCertificate, CaChain, ChainError};
use signet_core::x509::public_key::PublicKey;
use signet_keys::{KeyError, Namespace, SecretData};

use super::{Offer, ParentRequest, judged};
use crate::issuers::reason::NotReady;

/// Returns the data of a ConfigMap, as that of a Secret.
pub(super) async fn config_map(
    namespace: &dyn Namespace,
    name: &str,
) -> Result<Option<SecretData>, KeyError> {
    let map = namespace.config_map(name).await?;
    let bytes = |(key, text): (String, String)| (key, text.into_bytes());
    Ok(map.map(|map| map.into_iter().map(bytes).collect()))
}

/// Returns the connected key of this fingerprint.
pub(super) fn key(fingerprint: Option<&str>, request: &ParentRequest<'_>) -> Option<PublicKey> {
    let key = request.keys.of(fingerprint?)?;
    Some(key.guard.public_key().clone())
}

/// Reads the chain for a key, if that is known.
pub(super) async fn chain(
    data: SecretData,
    key: Option<PublicKey>,
    request: &ParentRequest<'_>,
) -> Result<CaChain, Refusal> {
    let now = request.now;
    let read = move || {
        let offer = offer::Offer {
            path: data.get("tls.crt").unwrap_or_default(),
            roots: data.get("ca.crt"),
        };
        offer::read(&offer, key.as_ref(), now)
    };
    let chain = request.parsing.run(&request.issuer.namespace, read).await;
    chain.unwrap_or_else(|_| {
        let message = "reading it failed; the operator's log has the cause".to_owned();
        Err(ChainError::Unreadable { index: 1, message }.into())
    })
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

/// Trusts the roots in the object: the spec names it, and with it them.
pub(super) fn trusted<'a>() -> TrustedRoots<'a> {
    TrustedRoots {
        offered: true,
        ..TrustedRoots::default()
    }
}

/// Judges the chain. `refused` has the message of the source.
pub(super) fn judge(
    chain: CaChain,
    expected: &Expectations<'_>,
    request: &ParentRequest<'_>,
    refused: impl Fn(&Refusal) -> NotReady,
) -> Result<Offer, NotReady> {
    let accepted =
        offer::judge(chain, expected, request.now).map_err(|refusal| refused(&refusal))?;
    judged::offer(accepted, request.now)
}
