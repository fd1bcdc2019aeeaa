//! What an issuer expects of a CA certificate, and what becomes of one that core judged. Pure.

use jiff::Timestamp;
use signet_api::{IssuerSpec, RootTrust};
use signet_core::ca::offer::{Accepted, Expectations, Refusal, Trust, TrustedRoots};
use signet_core::policy::DEFAULT_MIN_DURATION;
use signet_core::spiffe::TrustDomain;
use signet_core::x509::public_key::PublicKey;

use super::Offer;
use crate::issuers::reason::{IssuerReason, NotReady};

/// The strength of RSA with 2048 bits, the least that Signet reads.
const MIN_SECURITY_BITS: u16 = 112;

/// Returns what a CA certificate over this key must be, by the issuer's spec.
pub(super) fn expectations<'a>(
    spec: &IssuerSpec,
    public_key: &'a PublicKey,
    trust_domain: Option<&'a TrustDomain>,
    trusted_roots: TrustedRoots<'a>,
) -> Expectations<'a> {
    let profile = spec.profile.as_ref();
    let ca = profile.and_then(|profile| profile.ca.as_ref());
    let min_lifetime = profile.and_then(|profile| profile.min_duration);
    Expectations {
        public_key,
        min_security_bits: MIN_SECURITY_BITS,
        path_length: ca.map_or(0, |ca| ca.path_length.saturating_add(1)),
        min_lifetime: min_lifetime.map_or(DEFAULT_MIN_DURATION, |min| min.0),
        trust_domain,
        trusted_roots,
        allow_missing_root: spec.certificate.allow_missing_root,
        is_requested: true,
    }
}

pub(super) fn offer(accepted: Accepted, now: Timestamp) -> Result<Offer, NotReady> {
    let trust = match accepted.trust {
        Trust::Created => RootTrust::Created,
        Trust::Listed | Trust::SameKey => RootTrust::Listed,
        Trust::Pinned => RootTrust::Pinned,
    };
    let offer = Offer::new(accepted.chain, trust, now)?;
    Ok(Offer {
        warnings: accepted.warnings,
        ..offer
    })
}

/// Returns why the issuer cannot use a certificate. What becomes valid later only waits.
pub(super) fn not_ready(source: &str, refusal: &Refusal) -> NotReady {
    let message = format!("{source}: {refusal}");
    match refusal {
        Refusal::NotYetValid { .. } | Refusal::BeginsLater { .. } => {
            IssuerReason::CaNotYetValid.waits(message)
        }
        Refusal::Expired { .. } => IssuerReason::CaExpired.stalls(message),
        Refusal::OtherKey(_) => IssuerReason::KeyMismatch.stalls(message),
        _ => IssuerReason::InvalidCa.stalls(message),
    }
}
