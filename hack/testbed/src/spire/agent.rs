//! An agent, and what workloads get from its Workload API.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::configuration::{health_checks, plugin};
use super::{Server, output};
use crate::controlplane::{Program, Toolchain};
use crate::home::Home;
use crate::pki::write_private;
use crate::supervise::{Life, Process};
use crate::{http, ports};

/// An X509-SVID as a workload gets it, in PEM.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it holds a key")]
pub struct Svid {
    /// The certificate and the intermediates.
    pub chain: String,
    /// The private key: PKCS#8.
    pub key: String,
    /// What the workload trusts in its own trust domain.
    pub bundle: String,
}

/// An agent, which runs. It ends when the value is dropped.
#[derive(Debug)]
pub struct Agent {
    program: PathBuf,
    process: Process,
    trust_domain: String,
    /// Last, as the agent runs in it.
    home: Home,
}

impl Agent {
    /// Starts an agent, which attests itself to a server as this node, and waits until its Workload
    /// API responds. Its log goes to `log`.
    ///
    /// # Errors
    /// It does not get ready. The error has the end of its log.
    pub async fn start(
        toolchain: &Toolchain,
        server: &Server,
        node: &str,
        log: &Path,
    ) -> Result<Self> {
        let program = toolchain.path(Program::SpireAgent)?;
        let home = Home::temporary()?;
        let [health] = ports::free()?;
        let token = server.join_token(node).await?;
        fs::write(bootstrap(home.path()), server.bundle().await?)?;
        let file = home.join("agent.conf");
        write_private(&file, &configuration(server, home.path(), &token, health))?;
        let mut command = Command::new(&program);
        command.current_dir(home.path()).args(["run", "-config"]);
        command.arg(file);
        let mut process = Process::spawn("spire-agent", &command, log, Life::Bound)?;
        while let Err(missing) = http::check(http::loopback(health), "/ready").await {
            process.await_more(&missing).await?;
        }
        Ok(Self {
            program,
            process,
            trust_domain: server.trust_domain().to_owned(),
            home,
        })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The socket of the Workload API.
    pub fn workload_api(&self) -> PathBuf {
        socket(self.home.path())
    }

    /// The trust domain.
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// Fetches X509-SVIDs as a workload: one for each ID that is registered for this user. The
    /// program verifies each under its bundle.
    ///
    /// # Errors
    /// None is registered, or the agent does not respond.
    pub async fn svids(&self) -> Result<Vec<Svid>> {
        let folder = tempfile::tempdir()?;
        let mut command = self.command(&["x509", "-silent", "-write"]);
        command.arg(folder.path());
        output(command).await?;
        let svid = |number: usize| {
            let read = |name: &str, kind: &str| {
                fs::read_to_string(folder.path().join(format!("{name}.{number}.{kind}"))).ok()
            };
            Some(Svid {
                chain: read("svid", "pem")?,
                key: read("svid", "key")?,
                bundle: read("bundle", "pem")?,
            })
        };
        Ok((0..).map_while(svid).collect())
    }

    /// Fetches a JWT-SVID of an ID for an audience, as a workload.
    ///
    /// # Errors
    /// The ID is not registered, or the agent does not respond.
    pub async fn jwt_svid(&self, id: &str, audience: &str) -> Result<String> {
        let fetch = ["jwt", "-spiffeID", id, "-audience", audience];
        let command = self.command(&[&fetch[..], &["-output", "json"]].concat());
        let fetched: Value = serde_json::from_str(&output(command).await?)?;
        let token = &fetched[0]["svids"][0]["svid"];
        Ok(token.as_str().context("it has a token")?.to_owned())
    }

    /// A fetch from the Workload API, which may take as long as a slow machine needs.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        let (kind, flags) = arguments.split_at(1);
        command.args(["api", "fetch"]).args(kind);
        command.args(["-timeout", "60s", "-socketPath"]);
        command.arg(self.workload_api()).args(flags);
        command
    }
}

fn socket(home: &Path) -> PathBuf {
    home.join("agent.sock")
}

/// The roots by which the agent verifies its server the first time.
fn bootstrap(home: &Path) -> PathBuf {
    home.join("bootstrap.pem")
}

fn configuration(server: &Server, home: &Path, token: &str, health: u16) -> String {
    let (trust_domain, port) = (server.trust_domain(), server.port());
    let plugins = [
        plugin("KeyManager", "memory", &[]),
        plugin("NodeAttestor", "join_token", &[]),
        plugin("WorkloadAttestor", "unix", &[]),
    ]
    .concat();
    let (socket, bootstrap, health) = (socket(home), bootstrap(home), health_checks(health));
    let (socket, bootstrap, home) = (socket.display(), bootstrap.display(), home.display());
    format!(
        r#"agent {{
  trust_domain = "{trust_domain}"
  server_address = "127.0.0.1"
  server_port = {port}
  trust_bundle_path = "{bootstrap}"
  join_token = "{token}"
  socket_path = "{socket}"
  data_dir = "{home}"
  log_level = "DEBUG"
  experimental {{
    sync_interval = "1s"
  }}
}}
plugins {{
{plugins}}}
{health}"#
    )
}
