//! Permission to create Secrets, for keys.

use signet::permissions::Scope;

use crate::rbac::{has_argument, needed, rights};
use crate::render::Rendered;

/// An account that creates Secrets everywhere gets a token of any ServiceAccount. So keys
/// of Issuers have to be allowed, and without Issuers nothing is.
#[test]
fn secrets_are_created_in_other_namespaces_only_if_allowed() {
    const ENABLED: &str = "namespacedIssuers.createKeys=true";
    for (set, is_allowed, argument) in [
        (&[][..], false, "false"),
        (&[ENABLED], true, "true"),
        (&[ENABLED, "namespacedIssuers.enabled=false"], false, "true"),
    ] {
        let rendered = Rendered::with(&[set, &["clusterResourceNamespace=keys"]].concat());
        let mut roles = rendered.of_kind("ClusterRole").flat_map(rights);
        let creates = roles.any(|right| (right.1, right.3) == ("secrets", "create"));
        assert_eq!(creates, is_allowed, "{set:?}");
        let of_operator = rights(rendered.get("ClusterRole", "signet"));
        assert_eq!(
            needed(&[Scope::IssuerKeys]).is_subset(&of_operator),
            is_allowed
        );
        let role = rendered.get("Role", "signet-keys");
        assert_eq!(rights(role), needed(&[Scope::ClusterKeys]));
        for kind in ["Role", "RoleBinding"] {
            let object = rendered.get(kind, "signet-keys");
            assert_eq!(object["metadata"]["namespace"], "keys", "{kind}");
        }
        let argument = format!("--issuer-key-creation={argument}");
        assert!(has_argument(&rendered, &argument), "{set:?}");
    }
}
