//! kube-controller-manager, with the few controllers that matter without kubelets.

use std::path::Path;

use anyhow::Result;
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::{Api, Client};

use crate::controlplane::process::Server;
use crate::controlplane::{Program, Toolchain};

/// Namespaces that really end, garbage collection, the default ServiceAccount and the root CA's
/// ConfigMap in every namespace, token Secrets, and aggregated ClusterRoles.
const CONTROLLERS: &str = "namespace-controller,garbage-collector-controller,\
    serviceaccount-controller,root-ca-certificate-publisher-controller,\
    serviceaccount-token-controller,clusterrole-aggregation-controller";

pub(crate) fn spawn(
    toolchain: &Toolchain,
    kubeconfig: &Path,
    token_key: &Path,
    root_ca: &Path,
    logs: &Path,
) -> Result<Server> {
    let arguments = [
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--controllers={CONTROLLERS}"),
        format!("--service-account-private-key-file={}", token_key.display()),
        format!("--root-ca-file={}", root_ca.display()),
        // Its own identity may not do the controllers' work; each has a ServiceAccount for that.
        "--use-service-account-credentials=true".to_owned(),
        "--leader-elect=false".to_owned(),
        // No listener.
        "--secure-port=0".to_owned(),
    ];
    let program = toolchain.path(Program::KubeControllerManager)?;
    Server::spawn("kube-controller-manager", &program, &arguments, logs)
}

/// Waits until the namespace `default` has what controllers make in every namespace.
pub(crate) async fn ready(manager: &mut Server, client: &Client) -> Result<()> {
    let accounts: Api<ServiceAccount> = Api::default_namespaced(client.clone());
    let config_maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    manager
        .ready(async || {
            let account = accounts.get("default").await.err();
            let root_ca = config_maps.get("kube-root-ca.crt").await.err();
            account.or(root_ca).map(|error| error.to_string())
        })
        .await
}
