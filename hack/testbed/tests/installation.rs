//! Signet's objects on another's cluster: whatever happens, the objects from before are the
//! objects after.
#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that goes wrong"
)]

use std::process::{Command, Stdio};

use signet_testbed::controlplane::{Cluster, ControlPlane, Options, Toolchain};
use signet_testbed::installation::{
    Expected, Installation, NAMESPACE, Operator, OperatorOptions, Profile,
};
use signet_testbed::supervise::{Life, running};

/// All that an installation may have made.
const KINDS: &str = "namespaces,customresourcedefinitions,clusterroles,clusterrolebindings,roles,\
    rolebindings,serviceaccounts,deployments,services,configmaps,secrets,leases,\
    poddisruptionbudgets,networkpolicies";
/// Of the CRD, everything but what this project's has too: its scope cannot be changed.
const FOREIGN_CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: issuers.signet.dev}
spec:
  group: signet.dev
  scope: Cluster
  names: {kind: Issuer, listKind: IssuerList, plural: issuers, singular: issuer}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";
const FOREIGN_DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: signet, namespace: signet-system}
spec:
  replicas: 0
  selector: {matchLabels: {app: signet}}
  template:
    metadata: {labels: {app: signet}}
    spec: {containers: [{name: signet, image: registry.example.org/signet}]}
";

#[tokio::test]
async fn on_another_cluster_removes_only_its_own_objects() {
    let options = Options {
        audit_log: false,
        ..Options::default()
    };
    let plane = ControlPlane::start(&options).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::new(
        plane.kubeconfig(),
        folder.path(),
        &Toolchain::new().unwrap(),
    );
    let cluster = cluster.unwrap();
    run(cluster.kubectl().args(["create", "namespace", NAMESPACE]));
    create_secret(&cluster, "theirs");
    let before = objects(&cluster);

    whole(&cluster).await;
    assert_eq!(objects(&cluster), before, "after a whole installation");
    failing(&cluster, &before).await;
    refused(&cluster, &before).await;
}

#[tokio::test]
async fn an_operator_that_fails_to_start_reports_why_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    for life in [Life::Detached, Life::Bound] {
        let options = OperatorOptions {
            kubeconfig: folder.path().join("none.yaml"),
            log: folder.path().join("signet.log"),
            profile: Profile::Dev,
            life,
            flags: Vec::new(),
        };
        let error = format!("{:#}", Operator::start(&options).await.unwrap_err());
        assert!(error.contains("its log ends with"), "{error}");
        assert!(error.contains("none.yaml"), "{error}");
        assert_eq!(running("run", folder.path()).unwrap(), Vec::<u32>::new());
    }
}

async fn whole(cluster: &Cluster) {
    let mut records = 0;
    let mut installation = Installation::begin(cluster.clone());
    let record = &mut |_: &Installation| {
        records += 1;
        Ok(())
    };
    installation.complete(record).await.unwrap();
    // Again, as after an end half-way: what was made stays ours.
    installation.complete(record).await.unwrap();
    let secret = |name| Expected {
        kind: ("v1", "Secret"),
        namespace: Some(NAMESPACE),
        name,
    };
    let both = [secret("made"), secret("theirs")];
    let there = installation.will_have(&both, record).await.unwrap();
    assert_eq!(there.unwrap().name, "theirs");
    let there = installation.will_have(&[secret("made")], record).await;
    assert_eq!(there.unwrap(), None);
    create_secret(cluster, "made");
    installation.identify(record).await.unwrap();
    assert!(installation.is_complete() && records > 40, "{records}");
    let with = objects(cluster);
    for object in [
        "CustomResourceDefinition/issuers.signet.dev",
        "signet-system/Deployment/signet",
        "signet-system/Secret/made",
    ] {
        assert!(with.iter().any(|it| it == object), "{object} in {with:?}");
    }
    installation.delete().await.unwrap();
}

/// It fails half-way, at a CRD, after others were made.
async fn failing(cluster: &Cluster, before: &[String]) {
    apply(cluster, FOREIGN_CRD);
    let error = Installation::apply(cluster.clone()).await.unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains("issuers.signet.dev"), "{error}");
    run(cluster
        .kubectl()
        .args(["delete", "crd", "issuers.signet.dev"]));
    assert_eq!(objects(cluster), before, "after one that failed");
}

/// With another Signet, and without cert-manager.
async fn refused(cluster: &Cluster, before: &[String]) {
    apply(cluster, FOREIGN_DEPLOYMENT);
    let error = Installation::apply(cluster.clone()).await.unwrap_err();
    assert!(
        error.to_string().contains("uninstall that Signet first"),
        "{error}"
    );
    let deployment = ["delete", "deployment", "signet", "-n", NAMESPACE];
    run(cluster.kubectl().args(deployment));
    assert_eq!(objects(cluster), before, "after another Signet");

    let definition = "certificaterequests.cert-manager.io";
    run(cluster.kubectl().args(["delete", "crd", definition]));
    let error = Installation::apply(cluster.clone()).await.unwrap_err();
    assert!(
        error.to_string().contains("install cert-manager first"),
        "{error}"
    );
    let mut left = before.to_vec();
    left.retain(|object| !object.ends_with(definition));
    assert_eq!(objects(cluster), left, "without cert-manager");
}

fn create_secret(cluster: &Cluster, name: &str) {
    let arguments = ["create", "secret", "generic", name, "-n", NAMESPACE];
    run(cluster.kubectl().args(arguments));
}

fn apply(cluster: &Cluster, yaml: &str) {
    let mut kubectl = cluster.kubectl();
    kubectl.args(["apply", "-f", "-"]).stdin(Stdio::piped());
    let mut child = kubectl.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, yaml.as_bytes()).unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
}

/// All objects, sorted, but those that come and go by themselves.
fn objects(cluster: &Cluster) -> Vec<String> {
    let template = "{range .items[*]}{.metadata.namespace}/{.kind}/{.metadata.name}{'\\n'}{end}";
    let template = format!("jsonpath={}", template.replace('\'', "\""));
    let listed = run(cluster
        .kubectl()
        .args(["get", KINDS, "-A", "-o", &template]));
    let mut objects: Vec<_> = listed
        .lines()
        .map(|line| line.trim_start_matches('/').to_owned())
        .filter(|line| !line.contains("/Lease/") || line.starts_with(NAMESPACE))
        .filter(|line| !line.ends_with("/kube-root-ca.crt") && !line.ends_with("/default"))
        .collect();
    objects.sort();
    objects
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
