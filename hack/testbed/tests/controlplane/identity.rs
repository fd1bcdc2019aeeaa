//! Identities and permissions of the processes.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;
use serde_json::Value;
use signet_testbed::controlplane::ControlPlane;

const CONTROLLER: &str = "system:serviceaccount:cert-manager:cert-manager";
const WEBHOOK: &str = "system:serviceaccount:cert-manager:cert-manager-webhook";
const YEAR: i64 = 365 * 24 * 60 * 60;

/// cert-manager acts under its ServiceAccounts, with the permissions of its chart.
pub(crate) async fn cert_manager_is_no_administrator(plane: &ControlPlane) {
    let reviews: Api<SubjectAccessReview> = Api::all(plane.client().await.unwrap());
    let log = std::fs::read_to_string(plane.audit_log().unwrap()).unwrap();
    let events: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let users_of = |program: &str| {
        let of_program = |it: &&Value| {
            let agent = it["userAgent"].as_str();
            agent.is_some_and(|agent| agent.starts_with(program))
        };
        let users = events.iter().filter(of_program);
        BTreeSet::from_iter(users.map(|it| it["user"]["username"].as_str().unwrap()))
    };
    assert_eq!(
        users_of("cert-manager"),
        BTreeSet::from([CONTROLLER, WEBHOOK])
    );
    let managers = users_of("kube-controller-manager");
    assert!(managers.contains("system:kube-controller-manager"));
    let of_system = managers.iter().all(|user| user.starts_with("system:"));
    assert!(of_system, "{managers:?}");
    let wrote = events.iter().any(|event| {
        event["user"]["username"] == CONTROLLER
            && event["verb"] == "update"
            && event["objectRef"]["resource"] == "certificaterequests"
            && event["objectRef"]["subresource"] == "status"
            && event["responseStatus"]["code"] == 200
    });
    assert!(wrote, "the audit log has no status write");

    for (expected, verb, group, resource, name) in [
        (true, "update", "cert-manager.io", "certificaterequests", ""),
        (
            false,
            "create",
            "rbac.authorization.k8s.io",
            "clusterrolebindings",
            "",
        ),
        (false, "*", "*", "*", ""),
        // Its approver may approve for its own issuers only (A4-32, A4-34).
        (
            true,
            "approve",
            "cert-manager.io",
            "signers",
            "issuers.cert-manager.io/*",
        ),
        (
            false,
            "approve",
            "cert-manager.io",
            "signers",
            "issuers.signet.dev/*",
        ),
    ] {
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(CONTROLLER.to_owned()),
                resource_attributes: Some(ResourceAttributes {
                    verb: Some(verb.to_owned()),
                    group: Some(group.to_owned()),
                    resource: Some(resource.to_owned()),
                    name: Some(name.to_owned()),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let reviewed = reviews.create(&PostParams::default(), &review).await;
        let status = reviewed.unwrap().status.unwrap();
        assert_eq!(
            status.allowed, expected,
            "{verb} {resource} {name}: {status:?}"
        );
    }
}

/// A kubeconfig that is made for a ServiceAccount is private, new, good for a year, and its own.
pub(crate) async fn of_a_service_account(plane: &ControlPlane) {
    let make = async |name| plane.kubeconfig_for_service_account("default", name).await;
    let (first, second) = (
        make("default").await.unwrap(),
        make("default").await.unwrap(),
    );
    assert_ne!(first, second);
    assert_eq!(
        first.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(token_life(&first), YEAR);

    let mut kubectl = plane.kubectl();
    kubectl.args([
        "auth",
        "whoami",
        "-o",
        "jsonpath={.status.userInfo.username}",
    ]);
    let output = kubectl.arg("--kubeconfig").arg(&first).output().unwrap();
    assert_eq!(
        output.stdout, b"system:serviceaccount:default:default",
        "{output:?}"
    );

    let error = make("missing").await.unwrap_err().to_string();
    assert!(error.contains("default/missing"), "{error}");
}

/// How many seconds the token in a kubeconfig lives, by its own claims.
fn token_life(kubeconfig: &Path) -> i64 {
    let kubeconfig: Value = serde_json::from_slice(&std::fs::read(kubeconfig).unwrap()).unwrap();
    let token = kubeconfig["users"][0]["user"]["token"].as_str().unwrap();
    let claims = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1).unwrap())
        .unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap()
}
