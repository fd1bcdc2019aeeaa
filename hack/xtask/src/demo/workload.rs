//! The workloads of the demos with istiod, and what their agents do.

use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Result, ensure};
use signet_testbed::controlplane::{Cluster, Toolchain};
use signet_testbed::istio::{Agent, AgentKey, AgentRequest, TOKEN_AUDIENCE, Workload};
use signet_testbed::run as output;

use super::Shell;
use crate::keep::{IstiodFacts, write_tool};
use crate::session::{Home, Session};

/// The trust domain of the mesh.
pub(super) const TRUST_DOMAIN: &str = "cluster.local";
/// The namespace of the workloads.
pub(super) const NAMESPACE: &str = "shop";

/// What a workload needs to reach istiod.
pub(super) struct Agents<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) agent: Agent,
    pub(super) istiod: IstiodFacts,
}

impl Agents<'_> {
    /// Requests a certificate with the token of an account, from the istiod below these roots.
    pub(super) async fn certificate(
        &self,
        (account, key): (&str, AgentKey),
        roots: &str,
        seconds: u32,
    ) -> Result<Workload> {
        let mut create = self.cluster.kubectl();
        create.args(["create", "token", account, "-n", NAMESPACE]);
        let token = output(create.args(["--audience", TOKEN_AUDIENCE]))?;
        let identity = format!("spiffe://{TRUST_DOMAIN}/ns/{NAMESPACE}/sa/{account}");
        let request = AgentRequest {
            address: &self.istiod.address,
            server_name: &self.istiod.name,
            roots,
            token: token.trim(),
            identity: &identity,
            key,
            seconds,
            cert_signer: "",
        };
        self.agent.certificate(&request).await
    }
}

/// Returns the agents' program and the shell of the demo with this flag, which has Helm and Istio's
/// charts.
pub(super) fn prepare(
    flag: &str,
    root: &Path,
    home: &Home,
    session: &Session,
) -> Result<(Agent, Shell)> {
    ensure!(
        session.own,
        "{flag} needs the cluster of the demo, but your own cluster is in use; run `cargo xtask \
         down` first"
    );
    session.with_signet()?;
    let toolchain = Toolchain::new()?;
    let agent = Agent::new(&toolchain)?;
    let shell = Shell::new(root, &session.cluster, &home.folder.join("demo"))?;
    tools(&shell, &session.cluster, &toolchain)?;
    shell.introduce();
    Ok((agent, shell))
}

/// Puts Helm and Istio's charts where the commands find them.
fn tools(shell: &Shell, cluster: &Cluster, toolchain: &Toolchain) -> Result<()> {
    let folder = shell.folder();
    write_tool(&folder.join("helm"), &cluster.helm())?;
    for (name, chart) in ["base", "istiod"].iter().zip(toolchain.istio_charts()?) {
        let link = folder.join(name);
        if link.symlink_metadata().is_err() {
            symlink(chart, link)?;
        }
    }
    Ok(())
}
