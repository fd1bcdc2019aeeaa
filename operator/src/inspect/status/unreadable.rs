//! Why CA generations cannot be read. Pure.

use kube::ResourceExt;
use signet_api::IssuerKind;

use super::facts::{Facts, Listed};

/// Returns a message for each reason.
pub(super) fn unreadable(facts: &Facts) -> Vec<String> {
    let listed = match &facts.generations {
        Ok(listed) => listed,
        Err(error) => return vec![format!("the CAGenerations cannot be read: {error}")],
    };
    let invalid = listed.invalid.iter();
    let invalid = invalid
        .map(|(name, error)| format!("CAGeneration {name} does not match its schema: {error}"));
    invalid.chain(missing(facts, listed)).collect()
}

/// The operator observes generations in its own `--cluster-resource-namespace`, which a user may not
/// know.
fn missing(facts: &Facts, listed: &Listed) -> Option<String> {
    let objects = listed.objects.iter().map(ResourceExt::name_any);
    let invalid = listed.invalid.iter().map(|(name, _)| name.clone());
    let known: Vec<_> = objects.chain(invalid).collect();
    let names = facts.status.ca.iter().map(|summary| &summary.name);
    let names: Vec<_> = names.filter(|name| !known.contains(name)).collect();
    let (name, others) = names.split_first()?;
    let more = match others.len() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let namespace = &listed.namespace;
    let advice = match facts.name.kind {
        IssuerKind::ClusterIssuer => "; set --cluster-resource-namespace to that of the operator",
        IssuerKind::Issuer | IssuerKind::MeshCA => "",
    };
    Some(format!(
        "CAGeneration {name}{more} not found in namespace {namespace}{advice}"
    ))
}
