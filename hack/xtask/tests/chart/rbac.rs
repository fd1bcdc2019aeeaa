//! Permissions of the operator, of cert-manager and of users.

use std::collections::BTreeSet;

use serde_json::Value;
use signet::permissions::{PERMISSIONS, Scope};

use crate::render::{NAMESPACE, Rendered, strings};

/// Group, resource, name (empty for all) and verb.
type Right<'a> = (&'a str, &'a str, &'a str, &'a str);

pub(crate) fn rights(role: &Value) -> BTreeSet<Right<'_>> {
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

pub(crate) fn needed(scopes: &[Scope]) -> BTreeSet<Right<'static>> {
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
    let everywhere = [Scope::Cluster, Scope::Issuers, Scope::NamespacedIssuers];
    let requests = [
        Scope::CertificateRequests,
        Scope::SigningRequests,
        Scope::IssuerReferences,
        Scope::ClusterSigners,
        Scope::IssuerSigners,
    ];
    assert_eq!(
        rights(rendered.get("ClusterRole", "signet")),
        needed(&[&everywhere[..], &requests].concat())
    );
    let role = rendered.get("Role", "signet-leader-election");
    assert_eq!(rights(role), needed(&[Scope::OwnNamespace]));
    assert_eq!(role["metadata"]["namespace"], NAMESPACE);
    let role = rendered.get("Role", "signet-bundles");
    assert_eq!(rights(role), needed(&[Scope::ClusterResources]));
    assert_eq!(role["metadata"]["namespace"], NAMESPACE);
    let role = rendered.get("Role", "signet-parents");
    assert_eq!(rights(role), needed(&[Scope::Parents]));
    assert_eq!(role["metadata"]["namespace"], NAMESPACE);
    let role = rendered.get("Role", "signet-keys");
    assert_eq!(rights(role), needed(&[Scope::ClusterKeys]));
    assert_eq!(role["metadata"]["namespace"], NAMESPACE);
    assert_eq!(rendered.of_kind("Role").count(), 4);
}

/// An API that is turned off needs no permission, is not watched and has no policy.
#[test]
fn pod_certificate_requests_can_be_turned_off() {
    const NAME: &str = "signet-pod-certificate-requests";
    const KINDS: [&str; 4] = [
        "ClusterRole",
        "ClusterRoleBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ];
    let is_enabled = |rendered: &Rendered, value: bool| {
        let argument = format!("--pod-certificate-requests={value}");
        strings(&rendered.container()["args"]).contains(&&*argument)
    };
    let rendered = Rendered::with(&[]);
    assert_eq!(
        rights(rendered.get("ClusterRole", NAME)),
        needed(&[Scope::PodCertificates])
    );
    let binding = rendered.get("ValidatingAdmissionPolicyBinding", NAME);
    assert_eq!(binding["spec"]["policyName"], NAME);
    assert_eq!(strings(&binding["spec"]["validationActions"]), ["Deny"]);
    assert!(is_enabled(&rendered, true));

    let rendered = Rendered::with(&["podCertificateRequests.enabled=false"]);
    for kind in KINDS {
        let mut objects = rendered.of_kind(kind);
        let is_there = objects.any(|object| object["metadata"]["name"] == NAME);
        assert!(!is_there, "{kind}");
    }
    assert!(is_enabled(&rendered, false));
}

/// An API that is disabled needs no permission, `sign` only goes with Kubernetes' own, and the
/// operator watches no other.
#[test]
fn each_request_api_can_be_disabled() {
    const POD_ROLE: &str = "signet-pod-certificate-requests";
    let issuers = [Scope::Issuers, Scope::NamespacedIssuers];
    let signers = [Scope::ClusterSigners, Scope::IssuerSigners];
    let signing = [Scope::SigningRequests, Scope::IssuerReferences];
    let apis = [
        "certificateRequests",
        "certificateSigningRequests",
        "podCertificateRequests",
    ];
    for enabled in (0..8).map(|bits| [0, 1, 2].map(|bit| bits & (1 << bit) != 0)) {
        let [requests, signing_requests, pods] = enabled;
        let values = apis.iter().zip(enabled);
        let values: Vec<_> = values
            .map(|(api, is)| format!("{api}.enabled={is}"))
            .collect();
        let set: Vec<_> = values.iter().map(String::as_str).collect();
        let rendered = Rendered::with(&set);
        let when = |is: bool, scopes: &[Scope]| if is { scopes.to_vec() } else { Vec::new() };
        let scopes = [
            when(true, &[Scope::Cluster]),
            when(true, &issuers),
            when(requests, &[Scope::CertificateRequests]),
            when(signing_requests, &signing),
            when(signing_requests || pods, &signers),
        ];
        let role = rendered.get("ClusterRole", "signet");
        assert_eq!(rights(role), needed(&scopes.concat()), "{set:?}");
        let mut roles = rendered.of_kind("ClusterRole");
        let has_pod_role = roles.any(|role| role["metadata"]["name"] == POD_ROLE);
        assert_eq!(has_pod_role, pods, "{set:?}");
        for (flag, is) in [
            ("certificate-requests", requests),
            ("certificate-signing-requests", signing_requests),
            ("pod-certificate-requests", pods),
        ] {
            assert!(
                has_argument(&rendered, &format!("--{flag}={is}")),
                "{set:?}"
            );
        }
    }
}

/// Whatever the values, Signet signs and attests for signers in its own domain only, and for those of
/// Issuers only where there are any.
#[test]
fn the_operator_signs_and_attests_in_its_own_domain_only() {
    let all = ["bundles.clusterTrustBundles.issuers=true"];
    let cluster_only = [all[0], "namespacedIssuers.enabled=false"];
    let both = BTreeSet::from(["clusterissuers.signet.dev/*", "issuers.signet.dev/*"]);
    for (set, expected) in [
        (&all[..], both),
        (
            &cluster_only,
            BTreeSet::from(["clusterissuers.signet.dev/*"]),
        ),
    ] {
        let rendered = Rendered::with(set);
        for wanted in ["sign", "attest"] {
            let roles = rendered.of_kind("ClusterRole");
            let rights = roles.flat_map(rights).filter(|right| right.3 == wanted);
            let rights: Vec<_> = rights.collect();
            assert!(
                rights.iter().all(|right| right.1 == "signers"),
                "{rights:?}"
            );
            let names: BTreeSet<_> = rights.iter().map(|right| right.2).collect();
            assert_eq!(names, expected, "{wanted}: {set:?}");
        }
        let mut roles = rendered.of_kind("ClusterRole");
        let has_all_verbs = roles.any(|role| rights(role).iter().any(|right| right.3 == "*"));
        assert!(!has_all_verbs, "{set:?}");
    }
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
    has_argument(rendered, &format!("--bundles-in-all-namespaces={value}"))
}

/// ClusterTrustBundles are on, for ClusterIssuers only. The verb `attest` is limited to our signers.
#[test]
fn cluster_trust_bundles_of_issuers_have_to_be_allowed_and_all_can_be_disabled() {
    let name = "signet-cluster-trust-bundles";
    for (values, scopes, flags) in [
        (&[][..], &[Scope::ClusterTrustBundles][..], "false"),
        (
            &["bundles.clusterTrustBundles.issuers=true"],
            &[Scope::ClusterTrustBundles, Scope::IssuerTrustBundles],
            "true",
        ),
    ] {
        let rendered = Rendered::with(values);
        assert_eq!(rights(rendered.get("ClusterRole", name)), needed(scopes));
        let binding = rendered.get("ClusterRoleBinding", name);
        assert_eq!(binding["roleRef"]["name"], name);
        assert!(has_argument(&rendered, "--cluster-trust-bundles=true"));
        let of_issuers = format!("--issuer-cluster-trust-bundles={flags}");
        assert!(has_argument(&rendered, &of_issuers));
    }
    let rendered = Rendered::with(&[
        "bundles.clusterTrustBundles.enabled=false",
        "bundles.clusterTrustBundles.issuers=true",
    ]);
    let mut roles = rendered.of_kind("ClusterRole").flat_map(rights);
    assert!(
        !roles.any(|(_, resource, _, verb)| {
            resource == "clustertrustbundles" || verb == "attest"
        })
    );
    assert!(has_argument(&rendered, "--cluster-trust-bundles=false"));
}

pub(crate) fn has_argument(rendered: &Rendered, argument: &str) -> bool {
    strings(&rendered.container()["args"]).contains(&argument)
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
        needed(&[
            Scope::Cluster,
            Scope::CertificateRequests,
            Scope::SigningRequests,
            Scope::ClusterSigners,
        ])
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
            "signet-cluster-trust-bundles",
            "signet-pod-certificate-requests",
            "signet",
            "signet-bundles",
            "signet-parents",
            "signet-leader-election",
            "signet-keys"
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
    for value in [
        "certManager.approver.enabled=false",
        "certificateRequests.enabled=false",
    ] {
        let rendered = Rendered::with(&[value]);
        let approving = rendered.of_kind("ClusterRole").filter(|role| {
            rights(role)
                .iter()
                .any(|(_, _, _, verb)| *verb == "approve")
        });
        assert_eq!(approving.count(), 0, "{value}");
    }
}

/// Write access to a CAGeneration changes trust, and a ClusterIssuer signs for every namespace.
#[test]
fn users_may_write_issuers_and_mesh_cas_only() {
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
            let is_theirs = ["issuers", "meshcas"].contains(&resource);
            assert!(reads || is_theirs, "{verb} {resource}");
        }
    }
    assert_eq!(count, 3);
    let none = Rendered::with(&["rbac.aggregate=false"]);
    assert_eq!(none.of_kind("ClusterRole").filter(aggregated).count(), 0);
}
