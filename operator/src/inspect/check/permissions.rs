//! The permissions of the operator's ServiceAccount. Pure.

use std::collections::BTreeMap;

use signet_core::request::ServiceAccount;

use super::facts::{Fact, Review, Wanted};
use super::report::{Finding, Level, Section};
use crate::args::Check;
use crate::permissions::{PERMISSIONS, Permission, SIGNET, Scope};

/// Where a permission is required.
enum Where<'a> {
    Cluster,
    Namespace(&'a str),
    /// Nowhere, with these settings, or wherever its owner grants it.
    Nowhere,
}

/// Returns what the operator needs with these settings.
pub(super) fn wanted(settings: &Check) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for permission in PERMISSIONS {
        let namespace = match place(permission.scope, settings) {
            Where::Cluster => None,
            Where::Namespace(namespace) => Some(namespace.to_owned()),
            Where::Nowhere => continue,
        };
        let of_name = |name| Wanted {
            namespace: namespace.clone(),
            permission: *permission,
            name,
        };
        match permission.names {
            [] => wanted.push(of_name(None)),
            names => wanted.extend(names.iter().map(|name| of_name(Some(name)))),
        }
    }
    wanted
}

fn place(scope: Scope, settings: &Check) -> Where<'_> {
    let if_enabled = |is_enabled: bool| match is_enabled {
        true => Where::Cluster,
        false => Where::Nowhere,
    };
    let issuers = settings.namespaced_issuers;
    let csrs = settings.certificate_signing_requests;
    let pods = settings.pod_certificate_requests;
    let bundles = settings.cluster_trust_bundles;
    match scope {
        Scope::Cluster => Where::Cluster,
        Scope::Issuers if issuers => Where::Cluster,
        Scope::Issuers | Scope::ClusterResources | Scope::ClusterKeys | Scope::Parents => {
            Where::Namespace(&settings.cluster_resource_namespace)
        }
        Scope::NamespacedIssuers => if_enabled(issuers),
        Scope::CertificateRequests => if_enabled(settings.certificate_requests),
        Scope::SigningRequests => if_enabled(csrs),
        Scope::IssuerReferences => if_enabled(csrs && issuers),
        Scope::PodCertificates => if_enabled(pods),
        Scope::ClusterSigners => if_enabled(csrs || pods),
        Scope::IssuerSigners => if_enabled((csrs || pods) && issuers),
        Scope::AllNamespaces => if_enabled(settings.bundles_in_all_namespaces),
        Scope::ClusterTrustBundles => if_enabled(bundles),
        Scope::IssuerTrustBundles => {
            if_enabled(bundles && issuers && settings.issuer_cluster_trust_bundles)
        }
        Scope::OwnNamespace => Where::Namespace(&settings.leader_election_namespace),
        // Whether the chart allows keys of Issuers and bundles in Secrets is not a setting of the
        // operator; issuers that need it report it.
        Scope::IssuerKeys | Scope::BundleSecrets | Scope::Granted => Where::Nowhere,
    }
}

pub(super) fn findings(account: &ServiceAccount, reviews: &Fact<Vec<Review>>) -> Vec<Finding> {
    let subject = account.username();
    let finding = |level, message| Finding::new(Section::Permissions, level, &*subject, message);
    let reviews = match reviews {
        Ok(reviews) => reviews,
        Err(error) => return vec![finding(Level::Unknown, error.clone())],
    };
    let missing: Vec<_> = reviews.iter().filter(|it| !it.is_allowed).collect();
    if missing.is_empty() {
        let message = format!("has all {} permissions", reviews.len());
        return vec![finding(Level::Ok, message)];
    }
    // Kubernetes grants every ServiceAccount some of the others.
    let mut own = reviews
        .iter()
        .filter(|it| it.wanted.permission.group == SIGNET);
    if own.all(|it| !it.is_allowed) {
        let message = "has no permission on signet.dev; install the chart, or set --service-account \
                       to the ServiceAccount of the operator";
        return vec![finding(Level::Problem, message.to_owned())];
    }
    let lines = grouped(&missing).into_iter();
    lines
        .map(|line| finding(Level::Problem, format!("may not {line}")))
        .collect()
}

/// Namespace, group, resource and name.
type Resource<'a> = (
    Option<&'a str>,
    &'static str,
    &'static str,
    Option<&'static str>,
);

/// Returns one line for each resource, with its verbs.
fn grouped(missing: &[&Review]) -> Vec<String> {
    let mut verbs = BTreeMap::<Resource<'_>, Vec<&str>>::new();
    for Review { wanted, .. } in missing {
        let Permission {
            group,
            resource,
            verb,
            ..
        } = wanted.permission;
        let resource = (wanted.namespace.as_deref(), group, resource, wanted.name);
        verbs.entry(resource).or_default().push(verb);
    }
    let lines = verbs.iter();
    lines
        .map(|(resource, verbs)| line(*resource, verbs))
        .collect()
}

fn line((namespace, group, resource, name): Resource<'_>, verbs: &[&str]) -> String {
    let verbs = verbs.join(", ");
    let resource = match group {
        "" => resource.to_owned(),
        group => format!("{resource}.{group}"),
    };
    let name = name.map_or_else(String::new, |name| format!(" {name}"));
    let place = match namespace {
        Some(namespace) => format!("in namespace {namespace}"),
        None => "in the whole cluster".to_owned(),
    };
    format!("{verbs} {resource}{name} {place}")
}
