//! The chart for those who may not create roles, or nothing outside of one namespace.

use serde_json::Value;

use crate::render::{NAMESPACE, Rendered};

const RBAC: &str = "rbac.authorization.k8s.io/v1";
/// All roles that the chart has.
const ROLES: &[&str] = &[
    "bundles.allNamespaces=true",
    "bundles.secrets=true",
    "bundles.clusterTrustBundles.issuers=true",
];

#[test]
fn roles_and_bindings_can_be_left_out_and_nothing_else_changes() {
    for more in [
        &[][..],
        ROLES,
        &["namespacedIssuers.enabled=false"],
        &["admissionPolicy.enabled=true", "replicaCount=2"],
    ] {
        let with = Rendered::with(more);
        let without = Rendered::with(&[more, &["rbac.create=false"]].concat());
        let is_role = |object: &&Value| object["apiVersion"] == RBAC;
        let others: Vec<_> = with.all().iter().filter(|it| !is_role(it)).collect();
        assert!(others.len() < with.all().len());
        assert_eq!(without.all().iter().collect::<Vec<_>>(), others, "{more:?}");
    }
}

/// An administrator installs the rest: CRDs, roles and admission policies.
#[test]
fn the_owner_of_one_namespace_can_install_the_remainder() {
    let rendered = Rendered::with(&[
        "rbac.create=false",
        "crds.enabled=false",
        "podCertificateRequests.enabled=false",
    ]);
    rendered.get("Deployment", "signet");
    for object in rendered.all() {
        assert_eq!(object["metadata"]["namespace"], NAMESPACE, "{object}");
    }
}
