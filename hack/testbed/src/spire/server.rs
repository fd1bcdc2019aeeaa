//! A server, and the commands that its operator runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::configuration::{health_checks, plugin};
use super::{Upstream, output};
use crate::controlplane::{Cluster, Program, Toolchain};
use crate::home::Home;
use crate::istio::volumes::Volumes;
use crate::pki::write_private;
use crate::supervise::{Life, Process};
use crate::{http, ports};

/// How a server is started.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// `trust_domain`.
    pub trust_domain: String,
    /// `ca_ttl`, such as `1h`.
    pub ca_ttl: String,
    /// Where its CA is from.
    pub upstream: Upstream,
}

/// A server, which runs. It ends when the value is dropped.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    trust_domain: String,
    port: u16,
    process: Process,
    cluster: Cluster,
    volumes: Volumes,
    /// Last, as the server runs in it.
    home: Home,
}

impl Server {
    /// Starts a server, and waits until it is ready: it has a CA by then. Its log goes to `log`.
    ///
    /// # Errors
    /// The Secret does not exist, or it does not get ready. The error has the end of its log.
    pub async fn start(
        cluster: &Cluster,
        toolchain: &Toolchain,
        options: &ServerOptions,
        log: &Path,
    ) -> Result<Self> {
        let program = toolchain.path(Program::SpireServer)?;
        let home = Home::temporary()?;
        let volumes = options.upstream.volumes(home.path());
        volumes.sync(&cluster.client().await?).await?;
        let ports: [u16; 2] = ports::free()?;
        let file = home.join("server.conf");
        write_private(&file, &configuration(options, home.path(), ports))?;
        let mut command = Command::new(&program);
        command.current_dir(home.path()).args(["run", "-config"]);
        command.arg(file);
        let [port, health] = ports;
        let mut process = Process::spawn("spire-server", &command, log, Life::Bound)?;
        while let Err(missing) = http::check(http::loopback(health), "/ready").await {
            process.await_more(&missing).await?;
        }
        Ok(Self {
            program,
            trust_domain: options.trust_domain.clone(),
            port,
            process,
            cluster: cluster.clone(),
            volumes,
            home,
        })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where agents reach it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its trust domain.
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// Runs `spire-server` with these arguments for this server, and returns what it prints.
    ///
    /// # Errors
    /// It fails; the error is what it printed.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("-socketPath");
        command.arg(socket(self.home.path()));
        let name = arguments.join(" ");
        output(command)
            .await
            .with_context(|| format!("spire-server {name}"))
    }

    /// The trust bundle: all its X.509 roots in PEM.
    ///
    /// # Errors
    /// The server does not respond.
    pub async fn bundle(&self) -> Result<String> {
        self.run(&["bundle", "show"]).await
    }

    /// Makes a token with which one agent attests itself as this node.
    ///
    /// # Errors
    /// The server does not respond.
    pub async fn join_token(&self, node: &str) -> Result<String> {
        let id = format!("spiffe://{}/{node}", self.trust_domain);
        let generate = ["token", "generate", "-spiffeID", &id, "-output", "json"];
        let token = json(&self.run(&generate).await?)?;
        let token = token["value"].as_str().context("it has a value")?;
        Ok(token.to_owned())
    }

    /// Registers whatever this user runs on a node under an ID. `flags` are further flags.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn register(&self, node: &str, id: &str, flags: &[&str]) -> Result<()> {
        let node = format!("spiffe://{}/{node}", self.trust_domain);
        let user = rustix::process::geteuid();
        let selector = format!("unix:uid:{}", user.as_raw());
        let create = ["entry", "create", "-parentID", &node, "-spiffeID", id];
        let arguments = [&create[..], &["-selector", &selector], flags].concat();
        self.run(&arguments).await.map(drop)
    }

    /// The serial number of the certificate of its one agent.
    ///
    /// # Errors
    /// There is none.
    pub async fn agent_serial(&self) -> Result<String> {
        let list = json(&self.run(&["agent", "list", "-output", "json"]).await?)?;
        let serial = list["agents"][0]["x509svid_serial_number"].as_str();
        Ok(serial.context("there is an agent")?.to_owned())
    }

    /// Has the server get another CA now, and sign with it: what it does itself when half, and when
    /// five sixths, of `ca_ttl` have passed.
    ///
    /// # Errors
    /// It gets none.
    pub async fn rotate_ca(&self) -> Result<()> {
        let authority = ["localauthority", "x509"];
        let prepare = [&authority[..], &["prepare", "-output", "json"]].concat();
        let prepared = json(&self.run(&prepare).await?)?;
        let id = &prepared["prepared_authority"]["authority_id"];
        let id = id.as_str().context("it has an ID")?;
        let activate = [&authority[..], &["activate", "-authorityID", id]].concat();
        self.run(&activate).await.map(drop)
    }

    /// Brings its files to what the Secret has now, as a kubelet does once a minute.
    ///
    /// # Errors
    /// The Secret cannot be read.
    pub async fn sync_volumes(&self) -> Result<()> {
        self.volumes.sync(&self.cluster.client().await?).await
    }
}

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).context("what spire-server prints is no JSON")
}

/// The socket of a server's own API.
fn socket(home: &Path) -> PathBuf {
    home.join("server.sock")
}

fn configuration(options: &ServerOptions, home: &Path, [port, health]: [u16; 2]) -> String {
    let ServerOptions {
        trust_domain,
        ca_ttl,
        upstream,
    } = options;
    let file = home.join("datastore.sqlite3").display().to_string();
    let database = [
        ("database_type", "sqlite3".to_owned()),
        ("connection_string", file),
    ];
    let plugins = [
        plugin("DataStore", "sql", &database),
        plugin("KeyManager", "memory", &[]),
        plugin("NodeAttestor", "join_token", &[]),
        upstream.plugin(home),
    ]
    .concat();
    let (socket, health) = (socket(home), health_checks(health));
    let (socket, home) = (socket.display(), home.display());
    format!(
        r#"server {{
  trust_domain = "{trust_domain}"
  bind_address = "127.0.0.1"
  bind_port = {port}
  socket_path = "{socket}"
  data_dir = "{home}"
  ca_ttl = "{ca_ttl}"
  log_level = "DEBUG"
  experimental {{
    cache_reload_interval = "1s"
  }}
}}
plugins {{
{plugins}}}
{health}"#
    )
}
