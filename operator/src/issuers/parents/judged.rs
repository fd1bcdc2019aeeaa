//! What an issuer expects of a CA certificate, and what becomes of one that core judged. Pure.

use jiff::Timestamp;
use signet_api::{IssuerSpec, RootTrust};
use signet_core::ca::CaChain;
use signet_core::ca::offer::{self, Accepted, Expectations, Refusal, Remedy, Trust, TrustedRoots};
use signet_core::policy::DEFAULT_MIN_DURATION;
use signet_core::spiffe::TrustDomain;
use signet_core::x509::public_key::PublicKey;

use super::Offer;
use crate::issuers::reason::{IssuerReason, NotReady};

/// The strength of RSA with 2048 bits, the least that Signet reads.
const MIN_SECURITY_BITS: u16 = 112;

/// Returns what a CA certificate over this key must be, by the issuer's spec.
pub(in crate::issuers) fn expectations<'a>(
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

/// Judges a chain. One that is accepted may still not be storable.
pub(in crate::issuers) fn judge(
    chain: CaChain,
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<Result<Offer, NotReady>, Refusal> {
    let accepted = offer::judge(chain, expected, now)?;
    Ok(accept(accepted, now))
}

fn accept(accepted: Accepted, now: Timestamp) -> Result<Offer, NotReady> {
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

/// Whether the certificate may be used later, or when the spec trusts its root. Otherwise only another
/// one helps.
pub(super) const fn may_pass(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::NotYetValid { .. } | Refusal::UntrustedRoot { .. }
    )
}

/// Returns why the issuer cannot use a certificate. What becomes valid later only waits.
pub(in crate::issuers) fn not_ready(source: &str, refusal: &Refusal) -> NotReady {
    let message = format!("{source}: {refusal}");
    let not_ready = match refusal {
        Refusal::NotYetValid { .. } | Refusal::BeginsLater { .. } => {
            IssuerReason::CaNotYetValid.waits(message)
        }
        Refusal::Expired { .. } => IssuerReason::CaExpired.stalls(message),
        // An object can list it without a change of the spec.
        Refusal::UntrustedRoot {
            remedy: Remedy::Object(_),
            ..
        } => IssuerReason::RootNotTrusted.waits(message),
        Refusal::UntrustedRoot { .. } => IssuerReason::RootNotTrusted.stalls(message),
        Refusal::OtherKey(_) => IssuerReason::KeyMismatch.stalls(message),
        _ => IssuerReason::InvalidCa.stalls(message),
    };
    NotReady {
        retry_at: refusal.retry_at(),
        ..not_ready
    }
}
