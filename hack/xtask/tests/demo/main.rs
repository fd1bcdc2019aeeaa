//! The commands that the README begins with, run as a user would, and the samples.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what fails here fails the test, which shows the commands' output"
)]

mod cluster;
mod xtask;

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use cluster::Reached;
use xtask::Xtask;

const SPIFFE_ID: &str = "URI:spiffe://example.org/ns/default/sa/web";

#[test]
fn the_demo_issues_and_every_sample_works_and_down_leaves_nothing() {
    let xtask = Xtask::new();
    let shown = xtask.succeed(&["demo"]);
    // OpenSSL has read the leaf, and has verified it.
    assert!(shown.contains(SPIFFE_ID), "no SPIFFE ID");
    assert!(shown.contains("tls.crt: OK"), "not verified");
    let cluster = Reached::by(&shown);
    // Of a sample; an administrator would have it.
    cluster.kubectl(&["create", "namespace", "team-a"]);
    let mut applied = 0;
    for sample in fs::read_dir(root().join("docs/samples")).unwrap() {
        let sample = sample.unwrap().path();
        cluster.kubectl(&["apply", "-f", sample.to_str().unwrap()]);
        applied += 1;
    }
    assert!(applied >= 5, "only {applied} samples");
    for object in ["certificate/web", "certificate/api", "certificate/child-ca"] {
        cluster.await_ready(object);
    }

    // An operator that died is started again, and nothing else is.
    let uid = ["get", "ns/signet-system", "-o", "jsonpath={.metadata.uid}"];
    let before = cluster.kubectl(&uid);
    xtask.kill("signet run");
    let again = xtask.run(&["up"]);
    let output = String::from_utf8_lossy(&again.stderr);
    assert!(output.contains("starting what is missing"), "{output}");
    assert!(again.status.success());
    assert_eq!(cluster.kubectl(&uid), before);
    let output = xtask.run(&["up"]).stderr;
    let output = String::from_utf8_lossy(&output);
    assert!(output.contains("already running"), "{output}");

    assert!(!xtask.processes().is_empty());
    xtask.succeed(&["down"]);
    xtask.assert_nothing_is_left();
}

#[test]
fn the_demo_of_every_key_server_issues_and_down_ends_the_servers() {
    let xtask = Xtask::new();
    for (key, made, module) in [
        ("vault", "$ bao write -f transit/keys/", false),
        ("aws-kms", "$ aws kms create-key ", false),
        ("pkcs11", "$ pkcs11-tool ", true),
    ] {
        let shown = xtask.succeed(&["demo", "--key", key]);
        assert!(shown.contains(made), "{key}: its tool is not shown");
        assert!(shown.contains("Ready is True, "), "{key}: not ready");
        assert!(shown.contains("tls.crt: OK"), "{key}: not verified");
        assert!(
            shown.contains("\nthe CA's key is in no Secret"),
            "{key}: no search"
        );
        assert!(
            shown.contains("URI:spiffe://example.org/ns/"),
            "{key}: no ID"
        );
        assert_eq!(shown.contains("--pkcs11-modules"), module, "{key}");
    }
    // What is there is shown once more.
    let shown = xtask.succeed(&["demo", "--key", "vault"]);
    assert!(shown.contains("The key already exists"), "{shown}");
    let servers = xtask.key_servers();
    assert!(servers.len() >= 5, "{servers:?}");

    // A server that ended took its key along.
    xtask.kill("keep pkcs11");
    let refusal = xtask.refusal(&["demo", "--key", "pkcs11"]);
    assert!(
        refusal.contains("SoftHSM2 of this session has ended"),
        "{refusal}"
    );
    xtask.succeed(&["down"]);
    xtask.assert_nothing_is_left();
    Xtask::assert_ended(&servers);
}

#[test]
fn a_root_rotates_while_clients_connect() {
    let xtask = Xtask::new();
    let shown = xtask.succeed(&["demo", "--rotate"]);
    for phase in [
        "1 Active                   roots: 1",
        "1 Active, 2 Published      roots: 2",
        "1 Old, 2 Active            roots: 2",
        "2 Active                   roots: 1",
    ] {
        assert!(shown.contains(phase), "{phase} is not shown");
    }
    let last = shown
        .lines()
        .find(|line| line.ends_with(" handshakes, 0 failed"));
    let count = last.unwrap().split(' ').next().unwrap();
    assert!(count.parse::<u32>().unwrap() > 100, "{count} handshakes");
    xtask.succeed(&["down"]);
    xtask.assert_nothing_is_left();
}

#[test]
fn workloads_of_istiod_connect() {
    let xtask = Xtask::new();
    let shown = xtask.succeed(&["demo", "--istiod"]);
    for account in ["orders", "payments"] {
        assert!(shown.contains(&format!("{account}.pem: OK")), "{account}");
    }
    for line in [
        "the server has verified spiffe://cluster.local/ns/shop/sa/orders",
        "the client has verified spiffe://cluster.local/ns/shop/sa/payments",
    ] {
        assert!(shown.contains(line), "{line} is not shown");
    }
    xtask.succeed(&["down"]);
    xtask.assert_nothing_is_left();
}

#[test]
fn the_ca_of_a_mesh_is_replaced_while_its_workloads_connect() {
    let xtask = Xtask::new();
    let shown = xtask.succeed(&["demo", "--mesh", "istio"]);
    let mut rest = shown.as_str();
    for line in [
        "cacerts: the CA certificate of CN=MeshCA istio-system/istio generation 1; 1 root: ",
        "orders (signed by CA 1, trusts 1 root) and payments (signed by CA 1, trusts 1 root) connect",
        "cacerts: Signet replaced the CA certificate by that of CN=MeshCA istio-system/istio gen",
        "and payments (signed by CA 2, trusts 1 root) connect",
        "cacerts: Signet added the root CN=ClusterIssuer corp-istio generation 2; the CA is unchang",
        "istiod:  trusts 2 roots: ",
        "cacerts: Signet replaced the CA certificate by that of CN=MeshCA istio-system/istio gen",
        "orders (signed by CA 3, trusts 2 roots) and payments (signed by CA 3, trusts 2 roots) co",
        "cacerts: Signet removed the root CN=ClusterIssuer corp-istio generation 1; the CA is unch",
        "istiod:  trusts 1 root: CN=ClusterIssuer corp-istio generation 2",
        " handshakes by mTLS, 0 failed",
    ] {
        let found = rest.find(line);
        assert!(found.is_some(), "{line} is not shown after the others");
        rest = &rest[found.unwrap() + line.len()..];
    }
    xtask.succeed(&["down"]);
    xtask.assert_nothing_is_left();
}

#[test]
fn a_key_server_requires_the_cluster_of_the_demo() {
    let xtask = Xtask::new();
    let refusal = xtask.refusal(&["demo", "--key", "vault", "--kubeconfig", "theirs.yaml"]);
    assert!(refusal.contains("remove --kubeconfig"), "{refusal}");
    xtask.assert_nothing_is_left();
}

#[test]
fn on_a_cluster_of_the_users_own_down_removes_what_the_demo_made() {
    let theirs = Xtask::new();
    let cluster = Reached::by(&theirs.succeed(&["up", "--without-signet"]));
    let refusal = theirs.refusal(&["demo"]);
    assert!(
        refusal.contains("started with --without-signet"),
        "{refusal}"
    );
    let before = cluster.objects();

    let kubeconfig = cluster.kubeconfig();
    let xtask = Xtask::new();
    let shown = xtask.succeed(&["demo", "--kubeconfig", kubeconfig]);
    assert!(shown.contains(SPIFFE_ID) && shown.contains("tls.crt: OK"));
    assert_ne!(cluster.objects(), before);
    xtask.succeed(&["down"]);
    xtask.assert_nothing_is_left();
    assert_eq!(cluster.objects(), before);

    // Ended half-way, it is undone: by itself, or by `down`.
    let up = ["up", "--kubeconfig", kubeconfig];
    let output = xtask.interrupted(&up, "installing Signet", Signal::TERM);
    assert!(output.contains("interrupted"), "{output}");
    assert_eq!(cluster.objects(), before);
    xtask.interrupted(&up, "starting the operator", Signal::KILL);
    xtask.succeed(&["down"]);
    xtask.assert_nothing_is_left();
    assert_eq!(cluster.objects(), before);

    // What is there already is not the demo's to overwrite.
    let secret = ["create", "secret", "generic", "web-tls", "-n", "default"];
    cluster.kubectl(&secret);
    let refusal = xtask.refusal(&["demo", "--kubeconfig", kubeconfig]);
    assert!(refusal.contains("Secret default/web-tls"), "{refusal}");
    xtask.succeed(&["down"]);
    cluster.kubectl(&["delete", "secret", "web-tls", "-n", "default"]);
    assert_eq!(cluster.objects(), before);
}

#[test]
fn a_control_plane_that_lost_a_server_ends_and_is_removed() {
    let xtask = Xtask::new();
    xtask.succeed(&["up", "--without-signet"]);
    xtask.kill("kube-apiserver");
    xtask.wait_until_ended("");
    let again = xtask.run(&["up", "--without-signet"]);
    let output = String::from_utf8_lossy(&again.stderr);
    assert!(output.contains("removing what it left"), "{output}");
    assert!(again.status.success());
    xtask.succeed(&["down"]);
    xtask.assert_nothing_is_left();
}

#[test]
fn a_signal_at_any_point_undoes_what_was_started() {
    for (line, signal) in [
        ("building the operator", Signal::INT),
        ("starting the control plane", Signal::TERM),
        ("starting the control plane", Signal::KILL),
        ("installing Signet", Signal::HUP),
        ("installing Signet", Signal::KILL),
        ("starting the operator", Signal::TERM),
    ] {
        let xtask = Xtask::new();
        let rest = xtask.interrupted(&["up"], line, signal);
        if signal == Signal::KILL {
            xtask.succeed(&["down"]);
        } else {
            assert!(rest.contains("interrupted"), "{line}: {rest}");
        }
        xtask.assert_nothing_is_left();
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn a_pod_gets_a_certificate_and_no_other_user_may_request_it() {
    let xtask = Xtask::new();
    let shown = xtask.succeed(&["demo", "--pod-certificates"]);
    for part in [
        "it has no scheduler and no kubelet",
        "URI:spiffe://example.org/ns/default/sa/shop",
        "pod.crt: OK",
        "beginRefreshAt: 2",
        "may not create this PodCertificateRequest",
    ] {
        assert!(shown.contains(part), "{part} is not shown");
    }
    // Once more, on the same cluster.
    let shown = xtask.succeed(&["demo", "--pod-certificates"]);
    assert!(shown.contains("pod.crt: OK"), "{shown}");
    xtask.succeed(&["down"]);
    xtask.assert_nothing_is_left();
}
