//! The spec as the lifecycle reads it. Pure.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use signet_api::{ActivationMode, CertificateSource, IssuerSpec};
use signet_core::ca::lifecycle::{Activation, Spec};
use signet_core::policy::DEFAULT_MIN_DURATION as MIN_DURATION;
use signet_core::request::DEFAULT_DURATION;

use super::profile;

/// How many generations that have ended are kept.
const HISTORY_LIMIT: u8 = 3;

/// Returns what the lifecycle reads of a spec. The UID spreads renewals over time.
pub(super) fn spec(spec: &IssuerSpec, uid: &str, ca_lifetime: Option<Duration>) -> Spec {
    let rotation = spec.rotation.clone().unwrap_or_default();
    let max_leaf = profile::lifetimes(spec).max_leaf;
    Spec {
        key_name: spec.key.backend().reference(),
        certificate: hex::encode(digest(&SHA256, spec.certificate.canonical().as_bytes())),
        follows_existing: matches!(
            spec.certificate.source(),
            Some(CertificateSource::Existing(_))
        ),
        request_id: rotation.request_id,
        activate: rotation.activate,
        rollback_to: rotation.rollback_to,
        revoked: rotation.revoked.into_iter().collect(),
        activation: match (rotation.activation, rotation.activation_delay) {
            (Some(ActivationMode::Manual), _) => Activation::Manual,
            (_, Some(delay)) => Activation::After(delay.0),
            (_, None) => Activation::Automatic,
        },
        renew_before: spec.certificate.renew_before.map(|before| before.0),
        jitter: jitter(uid),
        min_duration: min_duration(spec, ca_lifetime),
        default_leaf: max_leaf.map_or(DEFAULT_DURATION, |max| max.min(DEFAULT_DURATION)),
        suspend: spec.suspend,
        history_limit: rotation
            .revision_history_limit
            .unwrap_or(HISTORY_LIMIT)
            .into(),
    }
}

/// Returns the remaining lifetime below which a new CA is activated without delay. By default, a CA
/// certificate of less than ten hours would otherwise be at its end for most of its life.
fn min_duration(spec: &IssuerSpec, ca_lifetime: Option<Duration>) -> Duration {
    let profile = spec.profile.as_ref();
    if let Some(min) = profile.and_then(|profile| profile.min_duration) {
        return min.0;
    }
    ca_lifetime.map_or(MIN_DURATION, |lifetime| MIN_DURATION.min(lifetime / 10))
}

/// Returns the same number below 1000 for the same issuer.
fn jitter(uid: &str) -> u32 {
    let hash = digest(&SHA256, uid.as_bytes());
    let [first, second, ..] = hash.as_ref() else {
        return 0;
    };
    (u32::from(*first) * 256 + u32::from(*second)) % 1000
}
