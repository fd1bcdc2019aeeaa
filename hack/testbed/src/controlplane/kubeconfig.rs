//! Kubeconfig files: writing them, and making a client of one.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

use crate::pki::{Pair, write_private};

/// A token is valid for a year, so that a control plane that is left up keeps working.
const TOKEN_SECONDS: i64 = 365 * 24 * 60 * 60;

/// A client with the credentials of a kubeconfig file.
pub async fn client(path: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(path)
        .with_context(|| format!("cannot read the kubeconfig {}", path.display()))?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .with_context(|| format!("cannot use the kubeconfig {}", path.display()))?;
    Client::try_from(config).context("cannot create a Kubernetes client")
}

/// Writes a kubeconfig for an existing ServiceAccount into `folder`, under a new name,
/// readable by its owner only. It reaches the cluster of the current context of `admin`, whose
/// credentials request the token by TokenRequest. Works on any cluster; one may grant a shorter
/// lifetime than the requested year.
pub async fn for_service_account(
    admin: &Path,
    namespace: &str,
    name: &str,
    folder: &Path,
) -> Result<PathBuf> {
    let cluster = current_cluster(admin)?;
    let token = token(&client(admin).await?, namespace, name).await?;
    let document = document(&cluster, &json!({ "token": token }), namespace);
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    // The temporary file's mode is 0600, which is why it is made this way.
    let mut file = tempfile::Builder::new()
        .prefix(&format!("{namespace}-{name}-"))
        .suffix(".yaml")
        .tempfile_in(folder)?;
    file.write_all(document.as_bytes())?;
    let (_, path) = file.keep()?;
    Ok(path)
}

/// Writes a kubeconfig beside another one, with its credentials, for a server that passes its requests
/// on, such as a [`Proxy`](crate::Proxy).
///
/// # Errors
/// The other one cannot be read, or logs in with a client certificate, which no proxy passes on.
pub fn through(path: &Path, name: &str, server: &str, ca_pem: &str) -> Result<PathBuf> {
    let config: Value = serde_saphyr::from_str(&fs::read_to_string(path)?)?;
    let token = &config["users"][0]["user"]["token"];
    let token = token.as_str().context("it has no token")?;
    let cluster = json!({ "server": server, "certificate-authority-data": base64(ca_pem) });
    let path = path.with_file_name(format!("{name}.yaml"));
    write_private(
        &path,
        &document(&cluster, &json!({ "token": token }), "default"),
    )?;
    Ok(path)
}

/// Writes a kubeconfig that logs in with a client certificate.
pub(crate) fn write_for_certificate(
    path: &Path,
    server: &str,
    ca_pem: &str,
    identity: &Pair,
) -> Result<()> {
    let cluster = json!({ "server": server, "certificate-authority-data": base64(ca_pem) });
    let user = json!({
        "client-certificate-data": base64(&identity.certificate_pem),
        "client-key-data": base64(&identity.key_pem),
    });
    write_private(path, &document(&cluster, &user, "default"))
}

async fn token(client: &Client, namespace: &str, name: &str) -> Result<String> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let spec = TokenRequestSpec {
        expiration_seconds: Some(TOKEN_SECONDS),
        ..Default::default()
    };
    let request = TokenRequest {
        spec: Some(spec),
        ..Default::default()
    };
    let reply = accounts
        .create_token_request(name, &PostParams::default(), &request)
        .await
        .with_context(|| {
            format!("cannot create a token for the ServiceAccount {namespace}/{name}")
        })?;
    reply
        .status
        .and_then(|status| status.token)
        .context("the API server returned no token")
}

/// The `cluster` entry of the current context, as it is in the file.
fn current_cluster(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read the kubeconfig {}", path.display()))?;
    let config: Value = serde_saphyr::from_str(&text)?;
    let entry = |list: &str, name: &Value, field: &str| {
        let mut entries = config[list].as_array().into_iter().flatten();
        entries
            .find(|it| it["name"] == *name)
            .map(|it| it[field].clone())
    };
    let context = entry("contexts", &config["current-context"], "context");
    let cluster = context.and_then(|it| entry("clusters", &it["cluster"], "cluster"));
    cluster.with_context(|| format!("{} names no cluster in its current context", path.display()))
}

/// One cluster, one user, one context. JSON is YAML too.
fn document(cluster: &Value, user: &Value, namespace: &str) -> String {
    let context = json!({ "cluster": "signet", "user": "signet", "namespace": namespace });
    let document = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "signet",
        "clusters": [{ "name": "signet", "cluster": cluster }],
        "users": [{ "name": "signet", "user": user }],
        "contexts": [{ "name": "signet", "context": context }],
    });
    format!("{document:#}\n")
}

pub(crate) fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}
