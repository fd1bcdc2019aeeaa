//! Who may do what, and who did.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::Value;
use signet_testbed::controlplane::ControlPlane;

use crate::audit;

const CONTROLLER: &str = "system:serviceaccount:cert-manager:cert-manager";
const WEBHOOK: &str = "system:serviceaccount:cert-manager:cert-manager-webhook";
const YEAR: i64 = 365 * 24 * 60 * 60;

/// What cert-manager did, it did under its ServiceAccounts, with the rights that its chart gives.
pub(crate) async fn cert_manager_is_no_administrator(plane: &ControlPlane, client: &Client) {
    let events = audit::read(plane.audit_log().unwrap());
    let users_of = |program: &str| {
        let events = events
            .iter()
            .filter(|event| event.user_agent.starts_with(program));
        BTreeSet::from_iter(events.map(|event| event.user.username.as_str()))
    };
    assert_eq!(
        users_of("cert-manager"),
        BTreeSet::from([CONTROLLER, WEBHOOK])
    );
    let managers = users_of("kube-controller-manager");
    assert!(managers.contains("system:kube-controller-manager"));
    assert!(
        managers.iter().all(|user| user.starts_with("system:")),
        "{managers:?}"
    );
    let wrote = events.iter().any(|event| {
        event.user.username == CONTROLLER
            && event.verb == "update"
            && event.object_ref.resource == "certificaterequests"
            && event.object_ref.subresource == "status"
            && event.response_status.code == 200
    });
    assert!(wrote, "the audit log has the status writes");

    let may =
        async |verb, group, resource, name| allowed(client, verb, group, resource, name).await;
    assert!(may("update", "cert-manager.io", "certificaterequests", "").await);
    assert!(
        !may(
            "create",
            "rbac.authorization.k8s.io",
            "clusterrolebindings",
            ""
        )
        .await
    );
    assert!(!may("*", "*", "*", "").await);
    // Its approver may approve for its own issuers and for nobody else's (A4-32, A4-34).
    assert!(
        may(
            "approve",
            "cert-manager.io",
            "signers",
            "issuers.cert-manager.io/*"
        )
        .await
    );
    assert!(
        !may(
            "approve",
            "cert-manager.io",
            "signers",
            "issuers.signet.dev/*"
        )
        .await
    );
}

/// Asks the API server what cert-manager's controller may do.
async fn allowed(client: &Client, verb: &str, group: &str, resource: &str, name: &str) -> bool {
    let attributes = ResourceAttributes {
        verb: Some(verb.to_owned()),
        group: Some(group.to_owned()),
        resource: Some(resource.to_owned()),
        name: Some(name.to_owned()),
        ..Default::default()
    };
    let spec = SubjectAccessReviewSpec {
        user: Some(CONTROLLER.to_owned()),
        resource_attributes: Some(attributes),
        ..Default::default()
    };
    let review = SubjectAccessReview {
        spec,
        ..Default::default()
    };
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    let review = reviews
        .create(&PostParams::default(), &review)
        .await
        .unwrap();
    review.status.unwrap().allowed
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

    let error = make("nobody").await.unwrap_err().to_string();
    assert!(error.contains("default/nobody"), "{error}");
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
