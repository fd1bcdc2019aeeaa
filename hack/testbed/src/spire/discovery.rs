//! The OIDC discovery provider: the keys of JWT-SVIDs for those who know OpenID Connect only.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Agent;
use crate::controlplane::{Program, Toolchain};
use crate::home::Home;
use crate::pki::write_private;
use crate::supervise::{Life, Process};
use crate::{http, ports};

/// Where it serves the keys.
const KEYS: &str = "/keys";

/// A provider, which runs. It ends when the value is dropped.
#[derive(Debug)]
pub struct Discovery {
    address: SocketAddr,
    _process: Process,
    _home: Home,
}

impl Discovery {
    /// Starts a provider as a workload of an agent, without TLS, and waits until it has keys. Its log
    /// goes to `log`.
    ///
    /// # Errors
    /// It does not get ready. The error has the end of its log.
    pub async fn start(toolchain: &Toolchain, agent: &Agent, log: &Path) -> Result<Self> {
        let program = toolchain.path(Program::SpireDiscovery)?;
        let home = Home::temporary()?;
        let [port] = ports::free()?;
        let address = http::loopback(port);
        let file = home.join("discovery.conf");
        write_private(&file, &configuration(agent, address))?;
        let mut command = Command::new(program);
        command.current_dir(home.path()).arg("-config").arg(file);
        let mut process = Process::spawn("oidc-discovery-provider", &command, log, Life::Bound)?;
        while let Err(missing) = http::check(address, KEYS).await {
            process.await_more(&missing).await?;
        }
        Ok(Self {
            address,
            _process: process,
            _home: home,
        })
    }

    /// Finds the keys as a client does, by the document that has their address, and returns them: a
    /// JWK Set.
    ///
    /// # Errors
    /// The document or the keys cannot be read.
    pub async fn keys(&self) -> Result<String> {
        let document = self.get("/.well-known/openid-configuration").await?;
        let document: serde_json::Value = serde_json::from_str(&document)?;
        let issuer = format!("http://{}", self.address);
        ensure!(document["issuer"] == issuer, "{document}");
        let keys = document["jwks_uri"].as_str().unwrap_or_default();
        let path = keys.strip_prefix(&issuer);
        self.get(path.with_context(|| format!("the keys are at {keys}"))?)
            .await
    }

    async fn get(&self, path: &str) -> Result<String> {
        let (status, body) = http::get(self.address, path).await?;
        ensure!(status == 200, "{path} returns {status}: {body}");
        Ok(body)
    }
}

fn configuration(agent: &Agent, address: SocketAddr) -> String {
    let (socket, trust_domain) = (agent.workload_api(), agent.trust_domain());
    let (socket, domain) = (socket.display(), address.ip());
    format!(
        r#"log_level = "debug"
domains = ["{domain}"]
insecure_addr = "{address}"
allow_insecure_scheme = true
workload_api {{
  socket_path = "{socket}"
  trust_domain = "{trust_domain}"
  poll_interval = "1s"
}}
"#
    )
}
