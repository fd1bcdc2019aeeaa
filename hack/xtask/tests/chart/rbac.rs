//! Permissions of the operator, of cert-manager and of users.

use std::collections::BTreeSet;

use serde_json::Value;
use signet::permissions::{PERMISSIONS, Scope};

use crate::render::{NAMESPACE, Rendered, strings};

/// Group, resource, name (empty for all) and verb.
type Right<'a> = (&'a str, &'a str, &'a str, &'a str);

fn rights(role: &Value) -> BTreeSet<Right<'_>> {
    let mut rights = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        let names = match strings(&rule["resourceNames"]) {
            names if names.is_empty() => vec![""],
            names => names,
        };
        for group in strings(&rule["apiGroups"]) {
            for resource in strings(&rule["resources"]) {
                for name in &names {
                    for verb in strings(&rule["verbs"]) {
                        rights.insert((group, resource, *name, verb));
                    }
                }
            }
        }
    }
    rights
}

fn needed(scopes: &[Scope]) -> BTreeSet<Right<'static>> {
    let mut needed = BTreeSet::new();
    for permission in PERMISSIONS
        .iter()
        .filter(|permission| scopes.contains(&permission.scope))
    {
        let names = if permission.names.is_empty() {
            &[""]
        } else {
            permission.names
        };
        let right = |name| (permission.group, permission.resource, name, permission.verb);
        needed.extend(names.iter().copied().map(right));
    }
    needed
}

#[test]
fn the_operator_has_exactly_its_permissions() {
    let rendered = Rendered::with(&[]);
    assert_eq!(
        rights(rendered.get("ClusterRole", "signet")),
        needed(&[Scope::Cluster, Scope::Issuers, Scope::NamespacedIssuers])
    );
    let role = rendered.get("Role", "signet-leader-election");
    assert_eq!(rights(role), needed(&[Scope::OwnNamespace]));
    assert_eq!(role["metadata"]["namespace"], NAMESPACE);
    let role = rendered.get("Role", "signet-api-server-addresses");
    assert_eq!(rights(role), needed(&[Scope::ApiServer]));
    assert_eq!(role["metadata"]["namespace"], "default");
    let role = rendered.get("Role", "signet-bundles");
    assert_eq!(rights(role), needed(&[Scope::ClusterResources]));
    assert_eq!(role["metadata"]["namespace"], NAMESPACE);
    assert_eq!(rendered.of_kind("Role").count(), 3);
}

/// RBAC cannot limit ConfigMaps and Secrets by a part of their names, so write access beyond the
/// ConfigMaps of one namespace is for administrators to grant.
#[test]
fn bundles_elsewhere_have_to_be_allowed() {
    let rendered = Rendered::with(&["clusterResourceNamespace=keys", "bundles.secrets=true"]);
    let role = rendered.get("Role", "signet-bundles");
    let scopes = [Scope::ClusterResources, Scope::BundleSecrets];
    assert_eq!(rights(role), needed(&scopes));
    for kind in ["Role", "RoleBinding"] {
        let object = rendered.get(kind, "signet-bundles");
        assert_eq!(object["metadata"]["namespace"], "keys", "{kind}");
    }
    assert!(is_allowed(&rendered, "false"));

    let rendered = Rendered::with(&["bundles.allNamespaces=true"]);
    let role = rendered.get("ClusterRole", "signet-bundles");
    assert_eq!(rights(role), needed(&[Scope::AllNamespaces]));
    let binding = rendered.get("ClusterRoleBinding", "signet-bundles");
    assert_eq!(binding["roleRef"]["name"], "signet-bundles");
    assert!(is_allowed(&rendered, "true"));
}

fn is_allowed(rendered: &Rendered, value: &str) -> bool {
    let argument = format!("--bundles-in-all-namespaces={value}");
    strings(&rendered.container()["args"]).contains(&&*argument)
}

/// What Issuers may not call is of interest where there are Issuers, and addresses refused.
#[test]
fn where_no_address_is_refused_the_api_servers_are_not_read() {
    for value in [
        "namespacedIssuers.enabled=false",
        "namespacedIssuers.localAddresses=true",
    ] {
        let rendered = Rendered::with(&[value]);
        let mut roles = rendered.of_kind("Role");
        let reads = roles.any(|role| role["metadata"]["namespace"] == "default");
        assert!(!reads, "{value}");
    }
}

/// An operator for ClusterIssuers only has no access to Secrets of other namespaces.
#[test]
fn without_namespaced_issuers_the_operator_reads_one_namespace() {
    let rendered = Rendered::with(&[
        "namespacedIssuers.enabled=false",
        "clusterResourceNamespace=keys",
    ]);
    assert_eq!(
        rights(rendered.get("ClusterRole", "signet")),
        needed(&[Scope::Cluster])
    );
    let role = rendered.get("Role", "signet-cluster-resources");
    assert_eq!(rights(role), needed(&[Scope::Issuers]));
    assert_eq!(role["metadata"]["namespace"], "keys");
    let binding = rendered.get("RoleBinding", "signet-cluster-resources");
    assert_eq!(binding["metadata"]["namespace"], "keys");
    assert_eq!(binding["subjects"][0]["namespace"], NAMESPACE);
    assert!(strings(&rendered.container()["args"]).contains(&"--namespaced-issuers=false"));
}

/// A token of any ServiceAccount is any identity, so a Role in its namespace must grant it by name.
#[test]
fn the_chart_grants_no_tokens() {
    for values in [&[][..], &["namespacedIssuers.enabled=false"]] {
        let rendered = Rendered::with(values);
        let roles = rendered
            .of_kind("ClusterRole")
            .chain(rendered.of_kind("Role"));
        for role in roles {
            let tokens = rights(role).iter().any(|(_, resource, _, _)| {
                *resource == "serviceaccounts/token" || *resource == "*"
            });
            assert!(!tokens, "{role}");
        }
    }
}

#[test]
fn no_other_role_is_bound_to_the_operator() {
    let rendered = Rendered::with(&[]);
    let account = rendered.pod()["spec"]["serviceAccountName"]
        .as_str()
        .unwrap();
    let bindings = rendered
        .of_kind("ClusterRoleBinding")
        .chain(rendered.of_kind("RoleBinding"));
    let of_operator = bindings.filter(|binding| {
        let subject = &binding["subjects"][0];
        subject["name"] == account && subject["namespace"] == NAMESPACE
    });
    let roles: Vec<_> = of_operator
        .map(|it| it["roleRef"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        roles,
        [
            "signet",
            "signet-bundles",
            "signet-leader-election",
            "signet-api-server-addresses"
        ]
    );
}

/// cert-manager's approver approves for a signer only who may "approve" it (CM-3).
#[test]
fn cert_manager_may_approve_for_our_issuers() {
    let rendered = Rendered::with(&[
        "certManager.serviceAccount.namespace=certs",
        "certManager.serviceAccount.name=controller",
    ]);
    let signer = |name| ("cert-manager.io", "signers", name, "approve");
    assert_eq!(
        rights(rendered.get("ClusterRole", "signet-cert-manager-approver")),
        BTreeSet::from([
            signer("issuers.signet.dev/*"),
            signer("clusterissuers.signet.dev/*")
        ])
    );
    let binding = rendered.get("ClusterRoleBinding", "signet-cert-manager-approver");
    assert_eq!(binding["subjects"][0]["namespace"], "certs");
    assert_eq!(binding["subjects"][0]["name"], "controller");
    assert!(
        strings(&rendered.container()["args"])
            .contains(&"--cert-manager-service-account=certs:controller")
    );
}

#[test]
fn the_approver_can_be_left_out() {
    let rendered = Rendered::with(&["certManager.approver.enabled=false"]);
    let approving = rendered.of_kind("ClusterRole").filter(|role| {
        rights(role)
            .iter()
            .any(|(_, _, _, verb)| *verb == "approve")
    });
    assert_eq!(approving.count(), 0);
}

/// Write access to a CAGeneration changes trust, and a ClusterIssuer signs for every namespace.
#[test]
fn users_may_write_issuers_only() {
    let rendered = Rendered::with(&[]);
    let aggregated = |role: &&Value| {
        let labels = role["metadata"]["labels"].as_object().unwrap();
        labels
            .keys()
            .any(|label| label.starts_with("rbac.authorization.k8s.io/aggregate-to-"))
    };
    let mut count = 0;
    for role in rendered.of_kind("ClusterRole").filter(aggregated) {
        count += 1;
        for (group, resource, _, verb) in rights(role) {
            assert_eq!(group, "signet.dev");
            let reads = ["get", "list", "watch"].contains(&verb);
            assert!(reads || resource == "issuers", "{verb} {resource}");
        }
    }
    assert_eq!(count, 3);
    let none = Rendered::with(&["rbac.aggregate=false"]);
    assert_eq!(none.of_kind("ClusterRole").filter(aggregated).count(), 0);
}
