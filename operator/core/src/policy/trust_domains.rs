//! What an issuer without a trust domain must not issue: IDs of the trust domains of others.

use super::case::Case;
use super::{Denial, Kind, Refusal, Wait, listed};
use crate::reason::Reason;
use crate::spiffe::TrustDomain;

/// Refuses URIs in a trust domain served by an issuer that shares a key or a root with this one.
///
/// Verifiers would take such a certificate for an SVID, and the rules of the other issuer did not
/// allow it. Scheme and host are compared in any case, as verifiers compare them (SID-7). The CA of
/// a trust domain has the trust domain itself as its URI, and its root is that of its parent.
pub(super) fn check(case: &Case<'_>, kind: Kind) -> Result<(), Refusal> {
    if case.policy.trust_domain.is_some() {
        return Ok(());
    }
    let is_of_ca = |uri: &str| matches!(kind, Kind::Ca { .. }) && is_trust_domain(uri);
    let uris = listed::uris(case.request).iter();
    let uris = uris.filter(|uri| !is_of_ca(uri));
    let mut hosts = uris.filter_map(|uri| host(uri)).peekable();
    if hosts.peek().is_none() {
        return Ok(());
    }
    let Some(served) = case.facts.served_trust_domains.list() else {
        return Err(Refusal::Wait(Wait {
            reason: Reason::PolicyNotReady,
            message: "the CSR lists a SPIFFE ID, and the trust domains of other issuers are not \
                      known yet; the request will be processed once they are"
                .to_owned(),
        }));
    };
    match hosts.find_map(|host| served.iter().find(|it| it.as_str() == host)) {
        None => Ok(()),
        Some(trust_domain) => Err(Refusal::Deny(denial(trust_domain.as_str()))),
    }
}

fn denial(trust_domain: &str) -> Denial {
    Reason::IdentityNotAllowed.denial(format!(
        "the CSR lists a URI in the trust domain {trust_domain}, which another issuer serves with \
         the same key or root; request it from that issuer"
    ))
}

/// Whether a URI is a trust domain in its canonical form, without a path.
fn is_trust_domain(uri: &str) -> bool {
    let name = uri.strip_prefix("spiffe://");
    name.is_some_and(|name| TrustDomain::parse(name).is_ok())
}

/// Returns the host of a URI with the scheme of SPIFFE IDs, in lower case.
fn host(uri: &str) -> Option<String> {
    let rest = uri.split_once(':').filter(|_| listed::has_scheme(uri))?.1;
    let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = host.split(':').next()?;
    Some(host.to_ascii_lowercase())
}
