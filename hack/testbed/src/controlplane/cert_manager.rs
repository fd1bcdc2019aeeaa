//! cert-manager: its chart without the workloads, and its two processes.

use std::path::Path;

use anyhow::{Context, Result};
use kube::api::{DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use kube::{Api, Client};
use serde_json::{Value, json};

use super::manifests::{apply_manifests, apply_objects, kind, parse};
use super::{CERT_MANAGER_NAMESPACE, CertManagerOptions, Toolchain, binaries, kubeconfig};
use crate::command::run;
use crate::http;
use crate::supervise::Process;

/// ServiceAccounts of the chart, for a release `cert-manager`.
pub(crate) const CONTROLLER_ACCOUNT: &str = "cert-manager";
pub(crate) const WEBHOOK_ACCOUNT: &str = "cert-manager-webhook";

/// The kinds that are taken from the chart. Workloads and Services need a kubelet.
const KINDS: [&str; 7] = [
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
];

/// Renders cert-manager's own chart with the real Helm. The webhook configurations name the
/// process by its URL and trust `ca_pem`, so neither a Service nor the cainjector is needed. The
/// approver may approve for cert-manager's own issuers; Signet's chart brings the role for its.
pub(crate) fn render(
    toolchain: &Toolchain,
    home: &Path,
    webhook_port: u16,
    ca_pem: &str,
) -> Result<Vec<DynamicObject>> {
    let mut helm = binaries::helm_command(&toolchain.helm()?, home);
    let chart = toolchain.cert_manager_chart()?;
    helm.args(["template", "cert-manager"])
        .arg(chart)
        .args(["--namespace", CERT_MANAGER_NAMESPACE]);
    for value in [
        "cainjector.enabled=false",
        "startupapicheck.enabled=false",
        "approveSignerNames={issuers.cert-manager.io/*,clusterissuers.cert-manager.io/*}",
        &format!("webhook.url.host=127.0.0.1:{webhook_port}"),
    ] {
        helm.args(["--set", value]);
    }
    let rendered = run(&mut helm).context("cert-manager's chart does not render")?;
    let mut objects = parse(&rendered)?;
    objects.retain(|object| KINDS.contains(&kind(object)));
    objects.iter_mut().for_each(|object| trust(object, ca_pem));
    Ok(objects)
}

/// Puts the CA into each webhook of a webhook configuration.
fn trust(object: &mut DynamicObject, ca_pem: &str) {
    let webhooks = object
        .data
        .get_mut("webhooks")
        .and_then(Value::as_array_mut);
    for webhook in webhooks.into_iter().flatten() {
        webhook["clientConfig"]["caBundle"] = json!(kubeconfig::base64(ca_pem));
    }
}

/// Applies the CRDs, the namespace and what was rendered.
pub(crate) async fn install(
    client: &Client,
    toolchain: &Toolchain,
    objects: &[DynamicObject],
) -> Result<()> {
    let mut yaml = String::new();
    for entry in std::fs::read_dir(toolchain.cert_manager_crds()?)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            yaml.push_str("\n---\n");
            yaml.push_str(&std::fs::read_to_string(&path)?);
        }
    }
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": CERT_MANAGER_NAMESPACE}});
    yaml.push_str(&format!("\n---\n{namespace}\n"));
    apply_manifests(client, CERT_MANAGER_NAMESPACE, &yaml).await?;
    apply_objects(client, CERT_MANAGER_NAMESPACE, objects).await?;
    Ok(())
}

pub(crate) fn webhook_arguments(kubeconfig: &Path, pki: &Path, port: u16) -> [String; 5] {
    let file = |end: &str| {
        pki.join(format!("cert-manager-webhook.{end}"))
            .display()
            .to_string()
    };
    [
        "webhook".to_owned(),
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--secure-port={port}"),
        format!("--tls-cert-file={}", file("crt")),
        format!("--tls-private-key-file={}", file("key")),
    ]
}

/// Waits until an Issuer passes admission, in a dry run.
pub(crate) async fn webhook_ready(webhook: &mut Process, client: &Client) -> Result<()> {
    let gvk = GroupVersionKind::gvk("cert-manager.io", "v1", "Issuer");
    let resource = ApiResource::from_gvk(&gvk);
    let issuers: Api<DynamicObject> = Api::default_namespaced_with(client.clone(), &resource);
    let mut issuer = DynamicObject::new("webhook-ready", &resource);
    issuer.data = json!({"spec": {"selfSigned": {}}});
    let dry_run = PostParams {
        dry_run: true,
        ..Default::default()
    };
    while let Err(missing) = issuers.create(&dry_run, &issuer).await {
        webhook.await_more(&missing.into()).await?;
    }
    Ok(())
}

pub(crate) fn controller_arguments(
    options: &CertManagerOptions,
    kubeconfig: &Path,
    healthz_port: u16,
) -> Vec<String> {
    let gates = options
        .feature_gates
        .iter()
        .map(|(name, on)| format!("{name}={on}"));
    vec![
        "controller".to_owned(),
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--concurrent-workers={}", options.concurrent_workers),
        format!("--controllers={}", options.controllers.join(",")),
        format!("--feature-gates={}", gates.collect::<Vec<_>>().join(",")),
        format!("--cluster-resource-namespace={CERT_MANAGER_NAMESPACE}"),
        format!("--healthz-listen-address=127.0.0.1:{healthz_port}"),
    ]
}

/// Waits until the controller has filled its caches, which also shows that it may list all that
/// it watches.
pub(crate) async fn controller_ready(controller: &mut Process, healthz_port: u16) -> Result<()> {
    let address = http::loopback(healthz_port);
    while let Err(missing) = http::check(address, "/healthz").await {
        controller.await_more(&missing).await?;
    }
    Ok(())
}
