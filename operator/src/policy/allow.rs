//! What a rule allows.

use std::collections::BTreeMap;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519;
use signet_api as api;
use signet_api::duration::GoDuration;
use signet_core::policy::pattern::{
    DnsPattern, EmailPattern, IpRange, PathPattern, PatternError, TextPattern, UriPattern,
};
use signet_core::policy::rule::{
    Allow, AllowedNames, AllowedUsages, Attribute, CaRight, KeyRule, KeySizes, RuleLimits,
    SpiffeIds, Unlisted,
};
use signet_core::x509::usages::Usages;

use super::error::Fault;

/// Keys below these sizes are never certified.
const MIN_RSA: u32 = 2048;
const MIN_ECDSA: u32 = 256;

pub(super) fn read(allow: &api::Allow) -> Result<Allow, Fault> {
    Ok(Allow {
        spiffe_ids: spiffe_ids(allow)?,
        names: names(allow)?,
        unlisted: match allow.unlisted_names.unwrap_or_default() {
            api::UnlistedNames::Allowed => Unlisted::Allowed,
            api::UnlistedNames::Refused => Unlisted::Refused,
        },
        wildcards: allow.wildcards,
        ca: allow.ca.map(|right| CaRight {
            path_length: right.path_length,
            max_duration: seconds(right.max_duration),
        }),
        limits: limits(allow)?,
    })
}

fn spiffe_ids(allow: &api::Allow) -> Result<SpiffeIds, Fault> {
    let patterns = patterns("allow.spiffeIds", &allow.spiffe_ids, PathPattern::parse)?;
    let field = "allow.defaultSpiffeId";
    let default = allow.default_spiffe_id.as_deref().map(PathPattern::parse);
    let default = default.transpose().map_err(Fault::at(field))?;
    if default.as_ref().is_some_and(PathPattern::has_wildcard) {
        return Err(Fault::new(
            field,
            "must not contain wildcards; write one path, with variables if necessary",
        ));
    }
    Ok(SpiffeIds { patterns, default })
}

fn names(allow: &api::Allow) -> Result<AllowedNames, Fault> {
    Ok(AllowedNames {
        dns_names: patterns("allow.dnsNames", &allow.dns_names, DnsPattern::parse)?,
        ip_addresses: patterns("allow.ipAddresses", &allow.ip_addresses, IpRange::parse)?,
        email_addresses: patterns(
            "allow.emailAddresses",
            &allow.email_addresses,
            EmailPattern::parse,
        )?,
        uris: patterns("allow.uris", &allow.uris, UriPattern::parse)?,
        other_names: allow
            .other_names
            .iter()
            .map(|oid| ObjectIdentifier::new(oid))
            .collect::<Result<_, _>>()
            .map_err(|_| {
                Fault::new(
                    "allow.otherNames",
                    "must be object identifiers, such as 1.3.6.1.4.1.311.20.2.3",
                )
            })?,
        subject: subject(allow.subject.as_ref())?,
    })
}

fn subject(
    allowed: Option<&api::AllowedSubject>,
) -> Result<BTreeMap<Attribute, Vec<TextPattern>>, Fault> {
    let Some(allowed) = allowed else {
        return Ok(BTreeMap::new());
    };
    let lists: [(&str, ObjectIdentifier, &[String]); 11] = [
        ("commonNames", rfc4519::CN, &allowed.common_names),
        ("organizations", rfc4519::O, &allowed.organizations),
        (
            "organizationalUnits",
            rfc4519::OU,
            &allowed.organizational_units,
        ),
        ("countries", rfc4519::C, &allowed.countries),
        ("localities", rfc4519::L, &allowed.localities),
        ("provinces", rfc4519::ST, &allowed.provinces),
        (
            "streetAddresses",
            rfc4519::STREET,
            &allowed.street_addresses,
        ),
        ("postalCodes", rfc4519::POSTAL_CODE, &allowed.postal_codes),
        (
            "serialNumbers",
            rfc4519::SERIAL_NUMBER,
            &allowed.serial_numbers,
        ),
        ("domainComponents", rfc4519::DC, &allowed.domain_components),
        ("userIds", rfc4519::UID, &allowed.user_ids),
    ];
    let lists = lists
        .into_iter()
        .filter(|(_, _, values)| !values.is_empty());
    let read = lists.map(|(field, attribute, values)| {
        let field = format!("allow.subject.{field}");
        Ok((attribute, patterns(&field, values, TextPattern::parse)?))
    });
    read.collect()
}

fn limits(allow: &api::Allow) -> Result<RuleLimits, Fault> {
    let keys = allow.keys.iter().map(key);
    let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
    Ok(RuleLimits {
        default_duration: seconds(allow.default_duration),
        min_duration: seconds(allow.min_duration),
        max_duration: seconds(allow.max_duration),
        usages: match allow.usages.is_empty() {
            true => None,
            false => Some(usages(&allow.usages)?),
        },
        keys: (!keys.is_empty()).then_some(keys),
    })
}

fn usages(names: &[String]) -> Result<AllowedUsages, Fault> {
    let usages = Usages::parse(names).map_err(Fault::at("allow.usages"))?;
    Ok(AllowedUsages {
        key: usages.key,
        extended: usages.extended.into_iter().collect(),
    })
}

fn key(key: &api::AllowedKey) -> Result<KeyRule, Fault> {
    let is_curve = |size: u32| matches!(size, 256 | 384 | 521);
    match key.algorithm {
        api::AllowedAlgorithm::Rsa => {
            let is_allowed = |size| size >= MIN_RSA;
            sizes(key, MIN_RSA, is_allowed, "at least 2048 for RSA").map(KeyRule::Rsa)
        }
        api::AllowedAlgorithm::Ecdsa => {
            sizes(key, MIN_ECDSA, is_curve, "256, 384 or 521 for ECDSA").map(KeyRule::Ecdsa)
        }
        api::AllowedAlgorithm::Ed25519 => Ok(KeyRule::Ed25519),
    }
}

/// The API server checks that the maximum is not below the minimum.
fn sizes(
    key: &api::AllowedKey,
    smallest: u32,
    is_allowed: impl Fn(u32) -> bool,
    expected: &str,
) -> Result<KeySizes, Fault> {
    for (field, size) in [("minSize", key.min_size), ("maxSize", key.max_size)] {
        if let Some(size) = size.filter(|size| !is_allowed(*size)) {
            return Err(Fault::new(
                "allow.keys",
                format!("has {field} {size}; write {expected}"),
            ));
        }
    }
    Ok(KeySizes {
        min: key.min_size.unwrap_or(smallest),
        max: key.max_size,
    })
}

fn seconds(duration: Option<GoDuration>) -> Option<std::time::Duration> {
    duration.map(|duration| duration.0)
}

fn patterns<P>(
    field: &str,
    texts: &[String],
    parse: impl Fn(&str) -> Result<P, PatternError>,
) -> Result<Vec<P>, Fault> {
    let read = texts.iter().map(|text| parse(text));
    read.collect::<Result<_, _>>().map_err(Fault::at(field))
}
