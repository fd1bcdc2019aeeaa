//! A key in the Transit engine of an OpenBao.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::sample::{Named, Sample, text};
use super::servers::Server;
use super::{commands, show};
use crate::session::Session;

/// What can be tried with the server's tool.
pub(super) const NEXT: &str = "bao list -detailed transit/keys";

/// Makes the mount and the key that the sample names, and lets Signet log in as it says.
pub(super) fn prepare(session: &Session, server: &Server, sample: &mut Sample) -> Result<()> {
    let issuer = sample.issuer()?;
    let key = sample.key()?;
    let mount = key.get("mount").map_or(Ok("transit"), text)?;
    let name = text(&key["name"])?;
    let path = format!("-path={mount}");
    server.run("bao", &["secrets", "enable", &path, "transit"])?;
    let at = format!("{mount}/keys/{name}");
    server.run("bao", &["write", "-f", &at, "type=ecdsa-p256"])?;
    let rules = format!(
        "path \"{mount}/keys/{name}\" {{ capabilities = [\"read\"] }}\n\
         path \"{mount}/sign/{name}\" {{ capabilities = [\"update\"] }}\n"
    );
    server.run_with_input("bao", &["policy", "write", name, "-"], &rules)?;
    let login = &key["auth"]["kubernetes"];
    ensure!(
        login.is_object(),
        "the demo logs in by auth.kubernetes alone"
    );
    log_in_by_kubernetes(session, server, &issuer, login, name)?;
    key["address"] = server.facts.address.clone().into();
    server.trust(session, issuer.secrets(), key)?;
    Ok(())
}

/// Has OpenBao ask the cluster about tokens, by the right of a ServiceAccount to do so.
fn log_in_by_kubernetes(
    session: &Session,
    server: &Server,
    issuer: &Named,
    login: &Value,
    policy: &str,
) -> Result<()> {
    show::heading("OpenBao asks the cluster whose token it is shown");
    let account = "openbao";
    commands::kubectl(
        session,
        &["create", "serviceaccount", account, "-n", "default"],
    )?;
    let reviewer = format!("--serviceaccount=default:{account}");
    let role = "--clusterrole=system:auth-delegator";
    commands::kubectl(
        session,
        &["create", "clusterrolebinding", account, role, &reviewer],
    )?;
    let token = [
        "create",
        "token",
        account,
        "-n",
        "default",
        "--duration=24h",
    ];
    let token = server.keep("reviewer.jwt", &commands::kubectl_unseen(session, &token)?)?;
    let cluster = ["config", "view", "--raw", "--minify", "--flatten", "-o"];
    let field = |name: &str, then: &str| {
        let template =
            format!("go-template={{{{index (index .clusters 0).cluster \"{name}\"{then}}}}}");
        commands::output(session.cluster.kubectl().args(cluster).arg(template), "")
    };
    let host = field("server", "")?;
    let ca = server.keep(
        "cluster.crt",
        &field("certificate-authority-data", " | base64decode")?,
    )?;

    let mount = login.get("mount").map_or(Ok("kubernetes"), text)?;
    let path = format!("-path={mount}");
    server.run("bao", &["auth", "enable", &path, "kubernetes"])?;
    let config = format!("auth/{mount}/config");
    let host = format!("kubernetes_host={host}");
    let ca = format!("kubernetes_ca_cert=@{}", ca.display());
    let token = format!("token_reviewer_jwt=@{}", token.display());
    server.run("bao", &["write", &config, &host, &ca, &token])?;

    let at = format!("auth/{mount}/role/{}", text(&login["role"])?);
    let account = text(&login["serviceAccountRef"]["name"])?;
    let names = format!("bound_service_account_names={account}");
    let namespaces = format!("bound_service_account_namespaces={}", issuer.secrets());
    let audience = match &issuer.namespace {
        Some(namespace) => format!("audience=signet://{namespace}/{}", issuer.name),
        None => format!("audience=signet://{}", issuer.name),
    };
    let policies = format!("token_policies={policy}");
    let role = [
        "write",
        &at,
        &names,
        &namespaces,
        &audience,
        &policies,
        "token_ttl=1h",
    ];
    server.run("bao", &role)?;
    Ok(())
}
