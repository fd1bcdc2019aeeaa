//! The image's container, as the chart describes it, on a control plane.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use signet_testbed::controlplane::{Cluster, ControlPlane, Options};
use signet_testbed::installation::{Installation, NAMESPACE, SERVICE_ACCOUNT, checkout, render};
use signet_testbed::supervise::{Life, Process};
use signet_testbed::{ports, run};

use crate::image::IMAGE;
use crate::root::entry_point;

/// Where a kubelet puts the ServiceAccount's token.
const ACCOUNT: &str = "run/secrets/kubernetes.io/serviceaccount";

#[tokio::test]
async fn the_image_runs_as_the_chart_would_run_it_and_issues_a_certificate() {
    let plane = ControlPlane::start(&Options::default()).await.unwrap();
    let cluster = plane.cluster();
    Installation::apply(cluster.clone()).await.unwrap();
    let root = tempfile::tempdir().unwrap();
    IMAGE.unpack(root.path());
    write_account(cluster, root.path());

    let [port] = ports::free().unwrap();
    let pod = pod(cluster, port);
    let runs_as = IMAGE.configuration()["config"]["User"].clone();
    let user: u32 = runs_as
        .as_str()
        .unwrap()
        .split(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_ne!(user, 0, "the kubelet refuses it");
    // What `entry_point` enforces.
    let context = &pod["containers"][0]["securityContext"];
    for (name, value) in [
        ("allowPrivilegeEscalation", json!(false)),
        ("readOnlyRootFilesystem", json!(true)),
        ("capabilities", json!({ "drop": ["ALL"] })),
    ] {
        assert_eq!(context[name], value, "{name}");
    }
    let command = container(&pod, root.path(), &plane.server());
    let log = plane.logs().join("image.log");
    let process = Process::spawn("the image", &command, &log, Life::Bound).unwrap();

    let sample = checkout().join("docs/samples/quickstart.yaml");
    kubectl(cluster, &["apply", "-f", sample.to_str().unwrap()]);
    let wait = [
        "wait",
        "--for=condition=Ready",
        "--timeout=10m",
        "certificate/web",
    ];
    kubectl(cluster, &wait);
    verify(cluster, root.path());
    let status = process.stop().unwrap();
    assert!(status.success(), "{status}");
}

fn kubectl(cluster: &Cluster, arguments: &[&str]) -> String {
    run(cluster.kubectl().args(arguments)).unwrap()
}

/// The pod that the chart describes, with one replica and probes on a free port.
fn pod(cluster: &Cluster, port: u16) -> Value {
    let set = format!("replicaCount=1,admin.host=127.0.0.1,admin.port={port}");
    let deployment = render(cluster, "deployment.yaml", &set).unwrap().remove(0);
    deployment["spec"]["template"]["spec"].clone()
}

/// What a kubelet would start for the pod's one container.
fn container(pod: &Value, root: &Path, server: &str) -> Command {
    let container = &pod["containers"][0];
    assert_eq!(
        container["command"],
        Value::Null,
        "replaces the entry point"
    );
    let address = server.strip_prefix("https://").unwrap();
    let (host, port) = address.split_once(':').unwrap();
    let mut environment = vec![
        ("KUBERNETES_SERVICE_HOST", host),
        ("KUBERNETES_SERVICE_PORT", port),
    ];
    for variable in container["env"].as_array().unwrap() {
        let path = variable["valueFrom"]["fieldRef"]["fieldPath"].as_str();
        let value = match path.unwrap() {
            "metadata.namespace" => NAMESPACE,
            "metadata.name" => "signet-0",
            other => panic!("{other} is unknown"),
        };
        environment.push((variable["name"].as_str().unwrap(), value));
    }
    let mut command = entry_point(root, &environment);
    for argument in container["args"].as_array().unwrap() {
        let mut argument = argument.as_str().unwrap().to_owned();
        for (name, value) in &environment {
            argument = argument.replace(&format!("$({name})"), value);
        }
        command.arg(argument);
    }
    command
}

/// The ServiceAccount's token and the API server's CA, for all to read as a kubelet does.
fn write_account(cluster: &Cluster, root: &Path) {
    let folder = root.join(ACCOUNT);
    fs::create_dir_all(&folder).unwrap();
    let token = ["create", "token", SERVICE_ACCOUNT, "-n", NAMESPACE];
    let path = "jsonpath={.clusters[0].cluster.certificate-authority-data}";
    let ca = kubectl(cluster, &["config", "view", "--raw", "-o", path]);
    fs::write(folder.join("token"), kubectl(cluster, &token).trim()).unwrap();
    fs::write(folder.join("ca.crt"), BASE64_STANDARD.decode(ca).unwrap()).unwrap();
    fs::write(folder.join("namespace"), NAMESPACE).unwrap();
}

/// OpenSSL accepts the certificate under the CA that was published with it.
fn verify(cluster: &Cluster, folder: &Path) {
    for name in ["ca.crt", "tls.crt"] {
        let template = format!("go-template={{{{index .data \"{name}\" | base64decode}}}}");
        let pem = kubectl(cluster, &["get", "secret", "web-tls", "-o", &template]);
        fs::write(folder.join(name), pem).unwrap();
    }
    let mut openssl = Command::new("openssl");
    openssl.args(["verify", "-x509_strict", "-CAfile", "ca.crt", "tls.crt"]);
    let verified = run(openssl.current_dir(folder)).unwrap();
    assert_eq!(verified.trim(), "tls.crt: OK");
}
