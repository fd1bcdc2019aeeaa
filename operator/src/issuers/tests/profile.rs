use std::time::Duration;

use jiff::SignedDuration;
use signet_api::duration::GoDuration;
use signet_api::{CaProfile, Profile, SpiffeSpec, WhenCaExpiresFirst};
use signet_core::issue::{CaUrl, CaUrls};
use signet_core::policy::{LifetimeLimits, Shortening};

use super::super::profile::{expiry_warning, lifetimes, urls};
use super::super::reason::IssuerReason;
use super::{World, ready, rotation, stalls};
use crate::fixtures::{DAY, key};

/// An issuer with a CA certificate for two days.
fn world_with(profile: Option<Profile>) -> World {
    World::self_signed(2 * DAY).with(|world| world.spec.profile = profile)
}

fn hours(hours: u64) -> Option<GoDuration> {
    Some(GoDuration(Duration::from_secs(hours * 3600)))
}

/// A plain issuer without a profile has no maximum, as cert-manager's CA issuer.
#[test]
fn the_default_maximum_is_92_days_in_a_trust_domain_and_none_without() {
    let mut spec = world_with(None).spec;
    assert_eq!(lifetimes(&spec), LifetimeLimits::default());
    spec.spiffe = Some(SpiffeSpec {
        trust_domain: "example.org".to_owned(),
    });
    let days = |days: u64| Some(Duration::from_secs(days * 24 * 3600));
    assert_eq!(lifetimes(&spec).max_leaf, days(92));
    assert_eq!(lifetimes(&spec).max_ca, None);
    spec.profile = Some(Profile {
        max_duration: hours(365 * 24),
        ..Profile::default()
    });
    assert_eq!(lifetimes(&spec).max_leaf, days(365));
}

#[test]
fn the_profile_limits_lifetimes() {
    let mut profile = Profile {
        max_duration: hours(24),
        min_duration: hours(2),
        ca: Some(CaProfile {
            max_duration: hours(48),
            ..CaProfile::default()
        }),
        ..Profile::default()
    };
    let of = |profile: &Profile| lifetimes(&world_with(Some(profile.clone())).spec);
    let seconds = |hours: u64| Duration::from_secs(hours * 3600);
    let mut expected = LifetimeLimits {
        max_leaf: Some(seconds(24)),
        max_ca: Some(seconds(48)),
        shortening: Shortening::AtLeast(seconds(2)),
    };
    assert_eq!(of(&profile), expected);
    profile.when_ca_expires_first = Some(WhenCaExpiresFirst::Wait);
    expected.shortening = Shortening::Never;
    assert_eq!(of(&profile), expected);
}

/// The URLs of one CA certificate never appear under another.
#[tokio::test]
async fn urls_have_the_number_of_the_generation_that_signs() {
    let mut world = world_with(Some(Profile {
        crl_distribution_points: vec!["http://pki.example/$(generation).crl".to_owned()],
        issuing_certificate_urls: vec!["http://pki.example/$(generation).der".to_owned()],
        ocsp_servers: vec!["http://ocsp.example/$(generation)".to_owned()],
        ..Profile::default()
    }));
    for (number, key) in [(1, "ca"), (2, "other")] {
        world.spec.key = key::software(key);
        world = world.with(rotation(|spec| {
            spec.activation_delay = Some(GoDuration(Duration::ZERO));
        }));
        let round = world.reconcile().await;
        let ready = ready(&round);
        let url = |text: String| vec![CaUrl::parse(&text, 0).unwrap()];
        let expected = CaUrls {
            crl_distribution_points: url(format!("http://pki.example/{number}.crl")),
            issuing_certificate_urls: url(format!("http://pki.example/{number}.der")),
            ocsp_servers: url(format!("http://ocsp.example/{number}")),
        };
        assert_eq!((ready.number, &ready.urls), (number, &expected));
        assert_eq!(ready.authority().urls, &expected);
    }
}

/// The schema refuses most of these; an issuer stored under an older one has passed another.
#[tokio::test]
async fn a_url_that_verifiers_cannot_read_stalls() {
    let one = |url: &str| vec![url.to_owned()];
    let base = Profile::default;
    for (profile, message) in [
        (
            Profile {
                crl_distribution_points: one("http://pki.example:crl/"),
                ..base()
            },
            "spec.profile.crlDistributionPoints \"http://pki.example:crl/\" has a port that is not \
             a number; correct it",
        ),
        (
            Profile {
                issuing_certificate_urls: one("ftp://pki.example"),
                ..base()
            },
            "spec.profile.issuingCertificateURLs \"ftp://pki.example\" does not start with http://, \
             https:// or ldap://",
        ),
        (
            Profile {
                ocsp_servers: one("ldap://pki.example"),
                ..base()
            },
            "spec.profile.ocspServers \"ldap://pki.example\" does not start with http:// or https://",
        ),
    ] {
        assert!(urls(Some(&profile), 1).is_err());
        let round = world_with(Some(profile)).reconcile().await;
        assert_eq!(stalls(&round, IssuerReason::InvalidSpec), message);
    }
}

#[tokio::test]
async fn warns_when_requests_of_the_default_lifetime_wait() {
    let policy = |when| Profile {
        when_ca_expires_first: Some(when),
        ..Profile::default()
    };
    let shorten = policy(WhenCaExpiresFirst::Shorten);
    let short = Profile {
        max_duration: hours(1),
        ..policy(WhenCaExpiresFirst::Wait)
    };
    let (hour, second) = (SignedDuration::from_hours(1), SignedDuration::from_secs(1));
    for (profile, remaining, warns) in [
        (shorten.clone(), hour * 48, false),
        (shorten.clone(), hour, false),
        (shorten, hour - second, true),
        (policy(WhenCaExpiresFirst::Wait), hour * 48, true),
        (short.clone(), hour, false),
        (short, hour - second, true),
    ] {
        let round = world_with(Some(profile.clone())).reconcile().await;
        let ready = ready(&round);
        let warning = expiry_warning(ready, ready.chain.not_after() - remaining);
        assert_eq!(
            warning.is_some(),
            warns,
            "{profile:?} {remaining}: {warning:?}"
        );
    }
    let round = world_with(None).reconcile().await;
    let ready = ready(&round);
    assert_eq!(
        expiry_warning(ready, ready.chain.not_after() - second).unwrap(),
        "the CA certificate or one above it expires in less than 1h, so requests for certificates \
         that would outlive it wait until it is renewed (spec.profile.minDuration)"
    );
}
