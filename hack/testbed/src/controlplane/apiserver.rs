//! kube-apiserver.

use std::path::Path;

use anyhow::Result;
use kube::Client;

use crate::pki::write_private;
use crate::supervise::Process;

/// Every request but no body. The stage RequestReceived would only double the events; a watch is
/// seen when it begins (ResponseStarted), as its end may never come.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
";

/// The names by which Pods would reach the API server.
pub(crate) const SERVER_NAMES: [&str; 4] = [
    "10.0.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
];

/// Waits for /readyz.
pub(crate) async fn ready(apiserver: &mut Process, client: &Client) -> Result<()> {
    loop {
        let request = http::Request::get("/readyz").body(Vec::new())?;
        match client.request_text(request).await {
            Ok(_) => return Ok(()),
            Err(missing) => apiserver.await_more(&missing.into()).await?,
        }
    }
}

/// `pki` has the keys and certificates that the control plane has written.
pub(crate) fn arguments(
    pki: &Path,
    port: u16,
    etcd_port: u16,
    audit_log: Option<&Path>,
) -> Result<Vec<String>> {
    let mut arguments: Vec<_> = [
        "--bind-address=127.0.0.1",
        // Loopback only, and no Endpoints object.
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--allow-privileged=true",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        // It would refuse Pods whose ServiceAccount is not there yet, and mount tokens that no
        // kubelet reads.
        "--disable-admission-plugins=ServiceAccount",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--profiling=false",
    ]
    .map(str::to_owned)
    .into();
    let file = |name: &str| pki.join(name).display().to_string();
    arguments.extend([
        format!("--secure-port={port}"),
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        format!("--cert-dir={}", pki.display()),
        format!("--client-ca-file={}", file("ca.crt")),
        format!("--tls-cert-file={}", file("kube-apiserver.crt")),
        format!("--tls-private-key-file={}", file("kube-apiserver.key")),
        format!("--service-account-key-file={}", file("service-account.pub")),
        format!(
            "--service-account-signing-key-file={}",
            file("service-account.key")
        ),
    ]);
    if let Some(log) = audit_log {
        write_private(&pki.join("audit-policy.yaml"), AUDIT_POLICY)?;
        arguments.extend([
            format!("--audit-policy-file={}", file("audit-policy.yaml")),
            format!("--audit-log-path={}", log.display()),
            // In megabytes; without it the log would be rotated at a hundred.
            "--audit-log-maxsize=100000".to_owned(),
        ]);
    }
    Ok(arguments)
}
