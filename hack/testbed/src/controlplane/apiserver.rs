//! kube-apiserver.

use std::path::{Path, PathBuf};

use anyhow::Result;
use kube::Client;

use super::pki::{PairFiles, TokenKey};
use crate::pki::write_private;
use crate::supervise::Process;

/// What the API server is started with.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) port: u16,
    pub(crate) etcd_port: u16,
    pub(crate) serving: &'a PairFiles,
    pub(crate) client_ca: &'a Path,
    /// Signs and verifies ServiceAccount tokens.
    pub(crate) token_key: &'a TokenKey,
    /// Where the audit log goes, if there is to be one.
    pub(crate) audit_log: Option<&'a Path>,
    /// A folder for the files that belong to it.
    pub(crate) folder: &'a Path,
}

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

pub(crate) fn arguments(settings: &Settings<'_>) -> Result<Vec<String>> {
    let TokenKey { private, public } = settings.token_key;
    let mut arguments: Vec<_> = [
        "--bind-address=127.0.0.1",
        // There is no route by which anyone else could reach it, nor an Endpoints object for it.
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
    arguments.extend([
        format!("--secure-port={}", settings.port),
        format!("--etcd-servers=http://127.0.0.1:{}", settings.etcd_port),
        format!("--cert-dir={}", settings.folder.display()),
        format!("--client-ca-file={}", settings.client_ca.display()),
        format!("--tls-cert-file={}", settings.serving.certificate.display()),
        format!("--tls-private-key-file={}", settings.serving.key.display()),
        format!("--service-account-key-file={}", public.display()),
        format!("--service-account-signing-key-file={}", private.display()),
    ]);
    if let Some(log) = settings.audit_log {
        arguments.extend(audit_arguments(settings.folder, log)?);
    }
    Ok(arguments)
}

fn audit_arguments(folder: &Path, log: &Path) -> Result<[String; 3]> {
    let policy: PathBuf = folder.join("audit-policy.yaml");
    write_private(&policy, AUDIT_POLICY)?;
    Ok([
        format!("--audit-policy-file={}", policy.display()),
        format!("--audit-log-path={}", log.display()),
        // In megabytes; without it the log would be rotated away at a hundred.
        "--audit-log-maxsize=100000".to_owned(),
    ])
}
