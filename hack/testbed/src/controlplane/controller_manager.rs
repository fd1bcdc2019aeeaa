//! kube-controller-manager, with the few controllers that matter without kubelets.

use std::path::Path;

use anyhow::Result;
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::{Api, Client};

use crate::supervise::Process;

/// Namespaces that really end, garbage collection, the default ServiceAccount and the root CA's
/// ConfigMap in every namespace, token Secrets, and aggregated ClusterRoles.
const CONTROLLERS: &str = "namespace-controller,garbage-collector-controller,\
    serviceaccount-controller,root-ca-certificate-publisher-controller,\
    serviceaccount-token-controller,clusterrole-aggregation-controller";

/// `pki` has the keys and certificates that the control plane has written.
pub(super) fn arguments(kubeconfig: &Path, pki: &Path) -> [String; 7] {
    let file = |name: &str| pki.join(name).display().to_string();
    [
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--controllers={CONTROLLERS}"),
        format!(
            "--service-account-private-key-file={}",
            file("service-account.key")
        ),
        format!("--root-ca-file={}", file("ca.crt")),
        // Its own identity may not do the controllers' work; each has a ServiceAccount for that.
        "--use-service-account-credentials=true".to_owned(),
        "--leader-elect=false".to_owned(),
        // No listener.
        "--secure-port=0".to_owned(),
    ]
}

/// Waits until the namespace `default` has what controllers make in every namespace.
pub(super) async fn ready(manager: &mut Process, client: &Client) -> Result<()> {
    let accounts: Api<ServiceAccount> = Api::default_namespaced(client.clone());
    let config_maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    while let Err(missing) = accounts.get("default").await {
        manager.await_more(&missing.into()).await?;
    }
    while let Err(missing) = config_maps.get("kube-root-ca.crt").await {
        manager.await_more(&missing.into()).await?;
    }
    Ok(())
}
