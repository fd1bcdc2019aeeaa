//! The checks of an offer, each with a refusal of its own.

use std::time::Duration;

use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use jiff::Timestamp;

use super::{Expectations, Refusal, warning};
use crate::ca::lifecycle::MAX_BUNDLE;
use crate::ca::{CaCertificate, CaChain, Limits};
use crate::quote;
use crate::spiffe::TrustDomain;
use crate::x509::names::{EMPTY_NAME, SubjectAltNames};

/// How far the clock of a CA above may be ahead.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(10 * 60);

pub(super) fn key(chain: &CaChain, expected: &Expectations<'_>) -> Result<(), Refusal> {
    let (issuing, minimum) = (chain.issuing(), expected.min_security_bits);
    if issuing.public_key() != expected.public_key {
        return Err(Refusal::OtherKey(issuing.subject().to_owned()));
    }
    let found = issuing.public_key().algorithm();
    match found.security_bits() < minimum {
        true => Err(Refusal::WeakKey { found, minimum }),
        false => Ok(()),
    }
}

/// A bundle that is larger could not be published.
pub(super) fn size(chain: &CaChain) -> Result<(), Refusal> {
    let bytes: usize = chain.roots().iter().map(|root| root.pem().len()).sum();
    match bytes > MAX_BUNDLE {
        true => Err(Refusal::RootsTooLarge { bytes }),
        false => Ok(()),
    }
}

/// PKI-6: no certificate of the path has expired.
pub(crate) fn expiry(chain: &CaChain, now: Timestamp) -> Result<(), Refusal> {
    let at = chain.not_after();
    match now < at {
        true => Ok(()),
        false => Err(Refusal::Expired {
            subject: subject(chain, |ca| ca.not_after() == at),
            at,
        }),
    }
}

/// PKI-6: the path is valid where all of its certificates are.
pub(super) fn validity(chain: &CaChain, minimum: Duration, now: Timestamp) -> Result<(), Refusal> {
    expiry(chain, now)?;
    let (ends, begins) = (chain.not_after(), chain.not_before());
    if now < begins {
        let (subject, at) = (subject(chain, |ca| ca.not_before() == begins), begins);
        let is_close = now
            .checked_add(MAX_CLOCK_SKEW)
            .is_ok_and(|limit| begins <= limit);
        return Err(match is_close {
            true => Refusal::NotYetValid { subject, at },
            false => Refusal::BeginsLater { subject, at },
        });
    }
    if now.checked_add(minimum).is_ok_and(|needed| needed <= ends) {
        return Ok(());
    }
    Err(Refusal::EndsSoon {
        subject: subject(chain, |ca| ca.not_after() == ends),
        at: ends,
        minimum,
    })
}

/// Returns the subject of the first certificate of the path that is meant.
fn subject(chain: &CaChain, is_meant: impl Fn(&CaCertificate) -> bool) -> String {
    let mut path = chain.path().iter();
    let meant = path.find(|ca| is_meant(ca)).unwrap_or(chain.issuing());
    meant.subject().to_owned()
}

/// PKI-7.
pub(super) fn path_length(chain: &CaChain, needed: u8) -> Result<(), Refusal> {
    match chain.path_length() {
        Some(allowed) if allowed < needed => Err(Refusal::PathLength { allowed, needed }),
        _ => Ok(()),
    }
}

/// PKI-11: nothing that a verifier must refuse because it does not process it.
pub(super) fn extensions(chain: &CaChain) -> Result<(), Refusal> {
    for ca in chain.path() {
        let subject = ca.subject().to_owned();
        if let Some(id) = &ca.extensions.unknown_critical {
            let extension = quote::oid(id);
            return Err(Refusal::CriticalExtension { subject, extension });
        }
        if ca.extensions.requires_explicit_policy {
            return Err(Refusal::ExplicitPolicy(subject));
        }
    }
    Ok(())
}

/// Checks that each CA is allowed by those above it, and in a trust domain that an X509-SVID is: one
/// with an empty subject, and both purposes of TLS (X5-15).
pub(super) fn limits(chain: &CaChain, trust_domain: Option<&TrustDomain>) -> Result<(), Refusal> {
    for (place, ca) in chain.path().iter().enumerate() {
        // RFC 5280 6.1.3: name constraints are not for self-issued CAs.
        if ca.issuer_name_matches(ca) {
            continue;
        }
        let above = Limits::of(&chain.path()[place + 1..], None);
        let names = ca.extensions.names.as_ref();
        let outcome = above.check(ca.subject_der(), names, &[]);
        outcome.map_err(|forbidden| Refusal::OutsideLimits {
            subject: ca.subject().to_owned(),
            forbidden,
        })?;
    }
    let Some(trust_domain) = trust_domain else {
        return Ok(());
    };
    // The path of an ID is not constrained.
    let names = SubjectAltNames::with_uri(None, &trust_domain.id());
    let tls = [ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH];
    let outcome = chain.limits().check(&EMPTY_NAME, Some(&names), &tls);
    outcome.map_err(|forbidden| Refusal::NoSvid {
        trust_domain: trust_domain.to_string(),
        forbidden,
    })
}

/// X5-7: the ID of a CA is that of its trust domain. One that merely exists may have another, which
/// is a warning.
pub(super) fn spiffe_ids(chain: &CaChain, expected: &Expectations<'_>) -> Result<(), Refusal> {
    let other = warning::other_spiffe_id(chain, expected.trust_domain);
    match other.filter(|_| expected.is_requested) {
        None => Ok(()),
        Some(id) => Err(Refusal::SpiffeId {
            found: quote::text(id),
            expected: expected.trust_domain.map(|own| own.id().to_string()),
        }),
    }
}

pub(super) fn root(chain: &CaChain, allow_missing: bool) -> Result<(), Refusal> {
    match chain.path().last() {
        Some(top) if !top.is_self_signed() && !allow_missing => {
            Err(Refusal::MissingRoot(top.subject().to_owned()))
        }
        _ => Ok(()),
    }
}
