//! Open Service Mesh (archived): CertificateRequests in its own namespace, with a common name that is
//! also the only DNS name (pkg/certificate/providers/certmanager).
//!
//! The names are `<account>.<namespace>.<trust domain>` of a workload,
//! `<UUID>.sidecar.<account>.<namespace>.<trust domain>` of a proxy, and those of its own servers. Its
//! SPIFFE IDs, which it only requests with `spiffeEnabled`, are the same labels as a path, without
//! `/ns/` (`URISAN` in pkg/certificate/options.go).

use super::build::{account, delegates, dns_names, leaf_limits, names, spiffe_ids};
use super::{Preset, PresetContext, PresetError};
use crate::policy::pattern::PatternError;
use crate::policy::rule::{
    Agent, Allow, AllowedNames, Delegates, Namespaces, Requesters, Rule, SpiffeIds, UnreadRefusals,
    WorkloadName,
};

const NAMESPACE: &str = "osm-system";
/// The account of osm-controller, osm-injector and osm-bootstrap.
const ACCOUNT: &str = "osm";
/// The trust domain of a MeshRootCertificate that names none.
const TRUST_DOMAIN: &str = "cluster.local";
/// Servers with webhooks.
const SERVERS: [&str; 3] = ["osm-bootstrap", "osm-injector", "osm-validator"];

pub(super) fn rules(context: &PresetContext<'_>) -> Result<Vec<Rule>, PresetError> {
    let delegates = Delegates {
        unread: Some(unread(context)?),
        ..osm(context)?
    };
    let workloads = workload_namespaces(context)?;
    let namespaces = delegates.agents.iter().filter_map(|agent| match agent {
        Agent::ServiceAccount(account) => Some(account.namespace.clone()),
        Agent::User(_) | Agent::Group(_) => None,
    });
    let servers: Vec<_> = namespaces
        .flat_map(|namespace| SERVERS.map(|server| [server.to_owned(), namespace.clone()]))
        .collect();
    Ok(vec![Rule {
        name: context.name.to_owned(),
        allow: Allow {
            spiffe_ids: ids(context, &workloads, &servers)?,
            names: AllowedNames {
                dns_names: dns_names(&dns(context, &workloads, &servers))?,
                ..AllowedNames::default()
            },
            limits: leaf_limits(),
            ..Allow::default()
        },
        requesters: Requesters::Delegates(delegates),
    }])
}

/// Its IDs are in no namespace, so with a trust domain it acts for all, and the patterns confine it to
/// the namespaces of a replaced `for`.
fn osm(context: &PresetContext<'_>) -> Result<Delegates, PresetError> {
    let default = Delegates {
        act_for: match context.trust_domain {
            Some(_) => Namespaces::All,
            None => Namespaces::Named(names(&[NAMESPACE])),
        },
        ..delegates(account(NAMESPACE, ACCOUNT), &[])
    };
    let Some(replacement) = context.replacement else {
        return Ok(default);
    };
    let replaced = replacement.delegates(Preset::OpenServiceMesh)?;
    Ok(Delegates {
        request_in: replacement.request_in.clone().unwrap_or_default(),
        act_for: match context.trust_domain {
            Some(_) => Namespaces::All,
            None => replaced.act_for.clone(),
        },
        ..replaced.clone()
    })
}

/// The namespaces of a replaced `for`.
fn replaced_for<'a>(context: &PresetContext<'a>) -> Result<Option<&'a Namespaces>, PresetError> {
    let replaced = context.replacement;
    let replaced = replaced.map(|replacement| replacement.delegates(Preset::OpenServiceMesh));
    Ok(replaced.transpose()?.map(|delegates| &delegates.act_for))
}

/// The namespaces of workloads, as patterns have them.
fn workload_namespaces(context: &PresetContext<'_>) -> Result<Vec<String>, PresetError> {
    Ok(match replaced_for(context)? {
        Some(Namespaces::Named(named)) => named.iter().cloned().collect(),
        _ => vec!["*".to_owned()],
    })
}

/// OSM waits for a certificate, and reads no condition.
fn unread(context: &PresetContext<'_>) -> Result<UnreadRefusals, PresetError> {
    let replaced = replaced_for(context)?.cloned();
    Ok(UnreadRefusals {
        named_by: WorkloadName::DnsName {
            trust_domain: trust_domain(context).to_owned(),
        },
        namespaces: replaced.unwrap_or(Namespaces::All),
    })
}

fn trust_domain<'a>(context: &PresetContext<'a>) -> &'a str {
    let own = context.trust_domain;
    own.map_or(TRUST_DOMAIN, |own| own.as_str())
}

fn dns(context: &PresetContext<'_>, workloads: &[String], servers: &[[String; 2]]) -> Vec<String> {
    let trust_domain = trust_domain(context);
    let servers = servers.iter();
    let servers = servers.map(|[server, namespace]| format!("{server}.{namespace}.svc"));
    let of_workloads = workloads.iter().flat_map(|namespace| {
        ["*", "*.sidecar.*"].map(|prefix| format!("{prefix}.{namespace}.{trust_domain}"))
    });
    of_workloads
        .chain([format!("ads.{trust_domain}")])
        .chain(servers)
        .collect()
}

fn ids(
    context: &PresetContext<'_>,
    workloads: &[String],
    servers: &[[String; 2]],
) -> Result<SpiffeIds, PatternError> {
    if context.trust_domain.is_none() {
        return Ok(SpiffeIds::default());
    }
    let servers = servers.iter();
    let servers = servers.map(|[server, namespace]| format!("/{server}/{namespace}/svc"));
    let of_workloads = workloads
        .iter()
        .flat_map(|namespace| ["/*", "/*/sidecar/*"].map(|prefix| format!("{prefix}/{namespace}")));
    let all = of_workloads.chain(["/ads".to_owned()]).chain(servers);
    let all: Vec<_> = all.collect();
    spiffe_ids(&all.iter().map(String::as_str).collect::<Vec<_>>())
}
