//! Parts that presets share.

use std::collections::BTreeSet;
use std::time::Duration;

use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use x509_cert::ext::pkix::KeyUsages;

use super::{Preset, PresetContext, PresetError};
use crate::policy::pattern::{DnsPattern, PathPattern, PatternError};
use crate::policy::rule::{
    Agent, AllowedUsages, Delegates, Namespaces, OwnNames, RuleLimits, SpiffeIds,
};
use crate::request::ServiceAccount;

/// The path of a ServiceAccount's SPIFFE ID.
pub(super) const OF_SERVICE_ACCOUNT: &str = "/ns/{namespace}/sa/{serviceAccount}";

/// The maximum lifetime of what a delegate requests for others.
const MAX_DURATION: Duration = Duration::from_secs(24 * 3600);

pub(super) fn account(namespace: &str, name: &str) -> ServiceAccount {
    ServiceAccount {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

/// Delegates that act for every namespace: what the bounds of delegates leave.
pub(super) fn delegates(agent: ServiceAccount, request_in: &[&str]) -> Delegates {
    Delegates {
        agents: BTreeSet::from([Agent::ServiceAccount(agent)]),
        act_for: Namespaces::All,
        request_in: names(request_in),
        own: None,
        unread: None,
    }
}

pub(super) fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

pub(super) fn spiffe_ids(patterns: &[&str]) -> Result<SpiffeIds, PatternError> {
    let patterns = patterns.iter().map(|pattern| PathPattern::parse(pattern));
    Ok(SpiffeIds {
        patterns: patterns.collect::<Result<_, _>>()?,
        default: None,
    })
}

pub(super) fn dns_names<S: AsRef<str>>(patterns: &[S]) -> Result<Vec<DnsPattern>, PatternError> {
    let patterns = patterns.iter();
    patterns
        .map(|pattern| DnsPattern::parse(pattern.as_ref()))
        .collect()
}

/// Returns the names of an agent: these DNS names, and the SPIFFE ID of its ServiceAccount.
pub(super) fn own_names(agent: &ServiceAccount, dns: &[String]) -> Result<OwnNames, PatternError> {
    let ServiceAccount { namespace, name } = agent;
    Ok(OwnNames {
        dns_names: dns_names(dns)?,
        spiffe_id: PathPattern::parse(&format!("/ns/{namespace}/sa/{name}"))?,
    })
}

/// The limits of the leaves of a mesh: a day, and the usages of TLS in both directions.
pub(super) fn leaf_limits() -> RuleLimits {
    RuleLimits {
        max_duration: Some(MAX_DURATION),
        usages: Some(AllowedUsages {
            key: KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment,
            extended: BTreeSet::from([ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH]),
        }),
        ..RuleLimits::default()
    }
}

/// Returns the delegates of the spec, or those of the preset. Agents whose own names follow from
/// their ServiceAccount are each in a rule of their own.
pub(super) fn each_delegate(
    context: &PresetContext<'_>,
    preset: Preset,
    default: Delegates,
    own: impl Fn(&ServiceAccount) -> Result<OwnNames, PatternError>,
) -> Result<Vec<(String, Delegates)>, PresetError> {
    let delegates = match context.replacement {
        None => default,
        Some(replacement) => {
            let request_in = replacement.request_in.clone();
            Delegates {
                request_in: request_in.unwrap_or(default.request_in),
                ..replacement.delegates(preset)?.clone()
            }
        }
    };
    if delegates.own.is_some() {
        return Ok(vec![(context.name.to_owned(), delegates)]);
    }
    let mut each = Vec::new();
    for agent in &delegates.agents {
        let own = match agent {
            Agent::ServiceAccount(account) => Some(own(account)?),
            Agent::User(_) | Agent::Group(_) => None,
        };
        let one = Delegates {
            agents: BTreeSet::from([agent.clone()]),
            own,
            ..delegates.clone()
        };
        each.push((numbered(context.name, each.len()), one));
    }
    Ok(each)
}

/// The first rule has the name of the preset's.
fn numbered(name: &str, index: usize) -> String {
    match index {
        0 => name.to_owned(),
        index => format!("{name}-{}", index + 1),
    }
}

/// Refuses a preset that gives SPIFFE IDs on an issuer that has none.
pub(super) fn require_trust_domain(
    context: &PresetContext<'_>,
    preset: Preset,
) -> Result<(), PresetError> {
    match context.trust_domain {
        Some(_) => Ok(()),
        None => Err(PresetError::NoTrustDomain(preset)),
    }
}
