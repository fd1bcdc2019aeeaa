//! What an issuer's profile allows, as core has it. Pure.

use std::time::Duration;

use jiff::Timestamp;
use signet_api::{IssuerSpec, Profile, WhenCaExpiresFirst};
use signet_core::duration;
use signet_core::issue::{CaUrl, CaUrls};
use signet_core::policy::{DEFAULT_MIN_DURATION, Kind, LifetimeLimits, Shortening};
use signet_core::request::DEFAULT_DURATION;

use super::reason::{IssuerReason, NotReady};
use crate::keyring::ReadyIssuer;

/// The maximum lifetime of an X509-SVID, 92 days, unless the profile has another one. A plain
/// issuer has none, as cert-manager's CA issuer.
const DEFAULT_MAX_SVID_DURATION: Duration = Duration::from_secs(92 * 24 * 3600);

/// Returns the limits of lifetimes.
pub(crate) fn lifetimes(spec: &IssuerSpec) -> LifetimeLimits {
    let profile = spec.profile.as_ref();
    let max_leaf = profile.and_then(|profile| profile.max_duration);
    let max_ca = profile.and_then(|profile| profile.ca.as_ref()?.max_duration);
    let min = profile.and_then(|profile| profile.min_duration);
    let policy = profile.and_then(|profile| profile.when_ca_expires_first);
    LifetimeLimits {
        max_leaf: max_leaf
            .map(|max| max.0)
            .or(spec.spiffe.as_ref().map(|_| DEFAULT_MAX_SVID_DURATION)),
        max_ca: max_ca.map(|max| max.0),
        shortening: match policy.unwrap_or_default() {
            WhenCaExpiresFirst::Shorten => {
                Shortening::AtLeast(min.map_or(DEFAULT_MIN_DURATION, |min| min.0))
            }
            WhenCaExpiresFirst::Wait => Shortening::Never,
        },
    }
}

/// Returns the URLs of the CA certificate of a generation.
///
/// # Errors
/// One of them is not a URL that verifiers can read.
pub(super) fn urls(profile: Option<&Profile>, generation: u32) -> Result<CaUrls, NotReady> {
    let Some(profile) = profile else {
        return Ok(CaUrls::default());
    };
    let all = |field: &str, urls: &[String], parse: Parse| {
        let urls = urls.iter().map(|url| {
            parse(url, generation).map_err(|fault| {
                IssuerReason::InvalidSpec.stalls(format!("spec.profile.{field} {url:?} {fault}"))
            })
        });
        urls.collect::<Result<Vec<_>, _>>()
    };
    let crls = &profile.crl_distribution_points;
    let certificates = &profile.issuing_certificate_urls;
    let responders = &profile.ocsp_servers;
    Ok(CaUrls {
        crl_distribution_points: all("crlDistributionPoints", crls, CaUrl::parse)?,
        issuing_certificate_urls: all("issuingCertificateURLs", certificates, CaUrl::parse)?,
        ocsp_servers: all("ocspServers", responders, CaUrl::parse_ocsp)?,
    })
}

type Parse = fn(&str, u32) -> Result<CaUrl, &'static str>;

/// Returns a warning if requests of the default lifetime wait until the CA is renewed.
pub(super) fn expiry_warning(ready: &ReadyIssuer, now: Timestamp) -> Option<String> {
    let remaining = ready.chain.not_after().duration_since(now).unsigned_abs();
    let limits = &ready.policy.lifetimes;
    let default = limits.max(Kind::Leaf).unwrap_or(DEFAULT_DURATION);
    let default = default.min(DEFAULT_DURATION);
    let (needed, field) = match limits.shortening {
        Shortening::AtLeast(min) => (default.min(min), "minDuration"),
        Shortening::Never => (default, "whenCAExpiresFirst"),
    };
    (remaining < needed).then(|| {
        format!(
            "the CA certificate or one above it expires in less than {}, so requests for \
             certificates that would outlive it wait until it is renewed (spec.profile.{field})",
            duration::text(needed)
        )
    })
}
