//! The certificates that a parent returned, or that are in an object which a spec names.

use signet_core::ca::offer::{self, Expectations, Refusal};
use signet_core::ca::{CaCertificate, CaChain};
use signet_core::x509::public_key::PublicKey;
use signet_keys::SecretData;

use super::{Offer, ParentRequest, judged};
use crate::deadline::queued;
use crate::issuers::named_object::parse;
use crate::issuers::reason::NotReady;
use crate::issuers::submission::Signed;

/// Returns the connected key of this fingerprint.
pub(super) fn key(fingerprint: Option<&str>, request: &ParentRequest<'_>) -> Option<PublicKey> {
    let key = request.keys.of(fingerprint?)?;
    Some(key.guard.public_key().clone())
}

/// Returns the certificates in an object: `tls.crt`, and the roots in `ca.crt`.
pub(super) fn certificates(data: &SecretData) -> Signed {
    Signed {
        path: data.get("tls.crt").unwrap_or_default().to_vec(),
        roots: data.get("ca.crt").map(<[u8]>::to_vec),
    }
}

/// Reads the chain for a key, if that is known.
pub(super) async fn chain(
    signed: Signed,
    key: Option<PublicKey>,
    request: &ParentRequest<'_>,
) -> Result<CaChain, Refusal> {
    let now = request.now;
    let read = move || {
        let offer = offer::Offer {
            path: &signed.path,
            roots: signed.roots.as_deref(),
        };
        offer::read(&offer, key.as_ref(), now)
    };
    parse(request.parsing, &request.issuer.namespace, read).await
}

/// Returns what a parent calls its roots, if there is nothing but CA certificates in it. It is only a
/// hint, and must not make the certificate below it useless.
pub(super) async fn readable_roots(
    pem: Option<Vec<u8>>,
    request: &ParentRequest<'_>,
) -> Option<Vec<u8>> {
    let is_readable = |pem: &Vec<u8>| CaCertificate::all_from_pem(pem).is_ok();
    let read = move || pem.filter(is_readable);
    let read = queued(request.parsing.run(&request.issuer.namespace, read)).await;
    read.unwrap_or_default()
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

/// Judges the chain. `refused` has the message of the source.
pub(super) fn judge(
    chain: CaChain,
    expected: &Expectations<'_>,
    request: &ParentRequest<'_>,
    refused: impl Fn(&Refusal) -> NotReady,
) -> Result<Offer, NotReady> {
    judged::judge(chain, expected, request.now).map_err(|refusal| refused(&refusal))?
}
