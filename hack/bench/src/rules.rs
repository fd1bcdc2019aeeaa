//! Issuers with identity rules, of which the last one allows the requests.

use anyhow::Result;
use kube::Client;
use serde_json::{Value, json};
use signet_testbed::controlplane::apply_manifests;

use crate::REQUESTS;

/// The user of the driver.
const DRIVER: &str = "signet-testbed-admin";

/// The ClusterIssuers, with one rule and with many.
pub(crate) const ONE: &str = "rules-1";
pub(crate) const MANY: &str = "rules-50";
/// The rules of [`MANY`].
pub(crate) const COUNT: usize = 50;

/// Applies the issuers. They have a trust domain, and so a CA each: an issuer without one refuses the
/// IDs of a trust domain with which it shares a key.
pub(crate) async fn prepare(client: &Client) -> Result<()> {
    let issuers = [issuer(ONE, 1), issuer(MANY, COUNT)];
    let manifests = issuers.map(|issuer| issuer.to_string()).join("\n---\n");
    apply_manifests(client, REQUESTS, &manifests).await?;
    Ok(())
}

fn issuer(name: &str, count: usize) -> Value {
    let mut rules: Vec<_> = (1..count)
        .map(|number| rule(&format!("team-{number}")))
        .collect();
    rules.push(rule(REQUESTS));
    json!({
        "apiVersion": "signet.dev/v1alpha1",
        "kind": "ClusterIssuer",
        "metadata": { "name": name },
        "spec": {
            "key": { "software": { "secretName": name } },
            "certificate": { "selfSigned": { "subject": "CN=Benchmark Root" } },
            "spiffe": { "trustDomain": "example.org" },
            "policy": { "rules": rules },
        },
    })
}

/// A rule for the driver, as a delegate for a namespace. So each is evaluated up to the namespace: a
/// rule for others costs only a comparison.
fn rule(namespace: &str) -> Value {
    json!({
        "name": namespace,
        "requesters": { "delegates": { "users": [DRIVER], "for": { "namespaces": [namespace] } } },
        "allow": { "spiffeIds": ["/ns/{namespace}/sa/{serviceAccount}"] },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_rule_is_for_the_namespace_of_the_requests() {
        let issuer = issuer(MANY, COUNT);
        let rules = issuer["spec"]["policy"]["rules"].as_array().unwrap();
        assert_eq!(rules.len(), COUNT);
        let is_for_requests = |rule: &Value| {
            rule["requesters"]["delegates"]["for"]["namespaces"] == json!([REQUESTS])
        };
        let matching: Vec<_> = rules.iter().map(is_for_requests).collect();
        assert_eq!(matching.iter().filter(|it| **it).count(), 1);
        assert_eq!(matching.last(), Some(&true));
    }
}
