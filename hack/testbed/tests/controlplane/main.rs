//! Real control planes: that they work, and that nothing is left of them.
#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that goes wrong"
)]

mod identity;
mod processes;

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::runtime::conditions::is_deleted;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt};
use signet_testbed::controlplane::{
    CertManagerOptions, ControlPlane, Options, apply_manifests, delete_manifests,
};
use signet_testbed::wait::until_done;

/// A self-signed root, a CA issuer on it, and a leaf of that.
const CHAIN: &str = "
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: leaf}
spec:
  secretName: leaf
  dnsNames: [leaf.example.org]
  issuerRef: {name: ca}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: ca}
spec: {ca: {secretName: root}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: root}
spec:
  secretName: root
  isCA: true
  commonName: root
  privateKey: {algorithm: ECDSA}
  issuerRef: {name: self-signed}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: self-signed}
spec: {selfSigned: {}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
";

#[tokio::test]
async fn cert_manager_issues_under_its_own_identity() {
    let mut plane = ControlPlane::start(&Options::default()).await.unwrap();
    let client = plane.client().await.unwrap();
    let applied = apply_manifests(&client, "shop", CHAIN).await.unwrap();
    assert_eq!(applied[0].kind, "Namespace");
    assert!(applied.iter().all(|object| object.created));
    ready(&client, "leaf").await;

    let secrets: Api<Secret> = Api::namespaced(client.clone(), "shop");
    let root = secrets.get("root").await.unwrap().data.unwrap();
    let leaf = secrets.get("leaf").await.unwrap().data.unwrap();
    assert_eq!(leaf["ca.crt"], root["tls.crt"]);

    // Applied twice is created once; a restart with other options still issues.
    let again = apply_manifests(&client, "shop", CHAIN).await.unwrap();
    assert!(again.iter().all(|object| !object.created));
    let (controller, webhook) = ("cert-manager-controller", "cert-manager-webhook");
    let before = [plane.pid(controller), plane.pid(webhook)];
    assert!(before.iter().all(Option::is_some));
    plane.stop_cert_manager().unwrap();
    assert_eq!(plane.pid(controller), None);
    let options = CertManagerOptions {
        concurrent_workers: 20,
        ..Default::default()
    };
    plane.restart_cert_manager(&options).await.unwrap();
    assert_ne!(plane.pid(controller), before[0]);
    assert_eq!(plane.pid(webhook), before[1]);
    let other = CHAIN.split("---").next().unwrap().replace("leaf", "second");
    apply_manifests(&client, "shop", &other).await.unwrap();
    ready(&client, "second").await;

    // The namespace controller is there: a namespace that is deleted goes.
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let uid = namespaces.get("shop").await.unwrap().uid().unwrap();
    delete_manifests(&client, &applied).await.unwrap();
    let gone = await_condition(namespaces, "shop", is_deleted(&uid));
    until_done("the end of a namespace", gone).await.unwrap();

    identity::cert_manager_is_no_administrator(&plane).await;
    identity::of_a_service_account(&plane).await;
}

#[tokio::test]
async fn two_run_side_by_side() {
    let without = Options {
        cert_manager: None,
        audit_log: false,
        ..Options::default().emulating_1_36()
    };
    let first = ControlPlane::start(&Options::default()).await.unwrap();
    let second = ControlPlane::start(&without).await.unwrap();
    assert_ne!(first.server(), second.server());
    assert_eq!(second.audit_log(), None);
    assert_eq!(second.pid("cert-manager-controller"), None);

    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: only-here}\n";
    let [one, two] = [
        first.client().await.unwrap(),
        second.client().await.unwrap(),
    ];
    assert_eq!(bundle_apis(&one).await, ["v1", "v1beta1"]);
    assert_eq!(bundle_apis(&two).await, ["v1beta1"]);
    apply_manifests(&one, "default", namespace).await.unwrap();
    let found = async |client| {
        Api::<Namespace>::all(client)
            .get_opt("only-here")
            .await
            .unwrap()
    };
    assert!(found(one).await.is_some());
    assert!(found(two).await.is_none());

    let folders = [&first, &second].map(|plane| plane.folder().to_owned());
    let pids = [&first, &second].map(processes::pids);
    drop((first, second));
    assert!(folders.iter().all(|folder| !folder.exists()));
    assert!(pids.iter().all(|pids| processes::running(pids).is_empty()));
}

/// The versions that are served of ClusterTrustBundles.
async fn bundle_apis(client: &Client) -> Vec<&'static str> {
    let mut versions = Vec::new();
    for version in ["v1", "v1beta1"] {
        let group = format!("certificates.k8s.io/{version}");
        if let Ok(served) = client.list_api_group_resources(&group).await {
            let mut names = served.resources.iter().map(|one| one.name.as_str());
            versions.extend(
                names
                    .any(|it| it == "clustertrustbundles")
                    .then_some(version),
            );
        }
    }
    versions
}

#[tokio::test]
async fn one_that_fails_to_start_reports_why_and_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let mut cert_manager = CertManagerOptions::default();
    cert_manager
        .feature_gates
        .insert("NoSuchGate".to_owned(), true);
    let folder = parent.path().join("state");
    let options = Options {
        cert_manager: Some(cert_manager),
        folder: Some(folder.clone()),
        audit_log: false,
        ..Default::default()
    };
    let error = ControlPlane::start(&options).await.unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains("cert-manager-controller ended"), "{error}");
    assert!(
        error.contains("unrecognized feature gate: NoSuchGate"),
        "{error}"
    );
    let name = folder.to_string_lossy().into_owned();
    let left: Vec<_> = processes::all()
        .filter(|line| line.contains(&name))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

async fn ready(client: &Client, certificate: &str) {
    let gvk = GroupVersionKind::gvk("cert-manager.io", "v1", "Certificate");
    let resource = ApiResource::from_gvk(&gvk);
    let certificates: Api<DynamicObject> = Api::namespaced_with(client.clone(), "shop", &resource);
    let is_ready = |object: Option<&DynamicObject>| {
        let conditions = object.and_then(|object| object.data["status"]["conditions"].as_array());
        conditions.is_some_and(|conditions| {
            conditions
                .iter()
                .any(|one| one["type"] == "Ready" && one["status"] == "True")
        })
    };
    let ready = await_condition(certificates, certificate, is_ready);
    until_done("a ready Certificate", ready).await.unwrap();
}
