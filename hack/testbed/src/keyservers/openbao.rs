//! A real OpenBao.

mod setup;

use std::io::{Seek, Write};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Slot;
use crate::command::run;
use crate::home::Home;
use crate::packages;
use crate::pki::{Ca, write_private};
use crate::ports;
use crate::supervise::{Life, Process};

pub use setup::AppRole;

/// A field of `bao status` and its value, by which a server has a state.
type State = (&'static str, bool);
const NOT_INITIALIZED: State = ("initialized", false);
const SEALED: State = ("sealed", true);
const ACTIVE: State = ("is_self", true);

/// An OpenBao server on loopback, with TLS and with storage that a restart keeps.
///
/// Its listener requests client certificates but does not require them. All methods block; in an async
/// test whose own tasks must run meanwhile, call them by `tokio::task::spawn_blocking`.
#[allow(missing_debug_implementations, reason = "it holds the root token")]
pub struct OpenBao {
    program: PathBuf,
    home: Home,
    port: u16,
    ca: Ca,
    unseal_key: String,
    root_token: String,
    process: Slot,
}

impl OpenBao {
    /// Starts, initializes and unseals a server. Installs the program first, if it must.
    pub fn start() -> Result<Self> {
        let ca = Ca::new("OpenBao on loopback")?;
        let [port, cluster_port] = ports::free()?;
        let mut server = Self {
            program: packages::openbao()?,
            home: Home::temporary()?,
            port,
            ca,
            unseal_key: String::new(),
            root_token: String::new(),
            process: Slot::default(),
        };
        server.configure(cluster_port)?;
        server.spawn(NOT_INITIALIZED)?;
        let init = ["operator", "init", "-key-shares=1", "-key-threshold=1"];
        let keys: Value =
            serde_json::from_str(&server.bao(&[&init[..], &["-format=json"]].concat())?)?;
        server.unseal_key = text(&keys["unseal_keys_b64"][0])?;
        server.root_token = text(&keys["root_token"])?;
        server.unseal()?;
        Ok(server)
    }

    /// `https://127.0.0.1:PORT`. The certificate is valid for `localhost` as well.
    pub fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The CA that its clients must trust.
    pub fn ca_pem(&self) -> &str {
        self.ca.certificate_pem()
    }

    /// The root token.
    pub fn root_token(&self) -> &str {
        &self.root_token
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// Ends the server. Its port stays its own, so connections are refused.
    pub fn stop(&self) -> Result<()> {
        self.process.stop()
    }

    /// Starts a stopped server again on the same port, and unseals it.
    pub fn resume(&self) -> Result<()> {
        self.resume_sealed()?;
        self.unseal()
    }

    /// Starts a stopped server again and leaves it sealed.
    pub fn resume_sealed(&self) -> Result<()> {
        self.spawn(SEALED)
    }

    /// Stops and resumes.
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.resume()
    }

    /// Seals the server, which still responds.
    pub fn seal(&self) -> Result<()> {
        self.bao(&["operator", "seal"])?;
        self.await_state(SEALED)
    }

    /// Unseals the server, and returns when it works.
    pub fn unseal(&self) -> Result<()> {
        self.bao(&["operator", "unseal", &self.unseal_key])?;
        self.await_state(ACTIVE)
    }

    /// Runs `bao` with the root token; what it prints.
    pub fn bao(&self, arguments: &[&str]) -> Result<String> {
        run(self.command(&self.root_token).args(arguments))
    }

    /// Runs `bao` with the root token and an input, which an argument `-` stands for.
    pub fn bao_with_input(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut file = tempfile::tempfile()?;
        file.write_all(input.as_bytes())?;
        file.rewind()?;
        run(self.command(&self.root_token).args(arguments).stdin(file))
    }

    /// `bao` for this server with a token, without arguments.
    pub fn command(&self, token: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("BAO_ADDR", self.address())
            .env("BAO_CACERT", self.home.join("ca.crt"))
            .env("BAO_TOKEN", token)
            .current_dir(self.home.path());
        command
    }

    /// Writes a value to a path.
    pub fn write(&self, path: &str, value: &Value) -> Result<String> {
        self.bao_with_input(&["write", path, "-"], &value.to_string())
    }

    /// Reads a path; returns the field `data` of the response.
    pub fn read(&self, path: &str) -> Result<Value> {
        let text = self.bao(&["read", "-format=json", path])?;
        Ok(serde_json::from_str::<Value>(&text)?["data"].take())
    }

    fn configure(&self, cluster_port: u16) -> Result<()> {
        write_private(&self.home.join("ca.crt"), self.ca.certificate_pem())?;
        let pair = self.ca.server("localhost", &[])?;
        pair.write(self.home.path(), "server")?;
        std::fs::create_dir(self.home.join("raft"))?;
        let (home, port) = (self.home.path().display(), self.port);
        let text = format!(
            r#"
storage "raft" {{
  path                   = "{home}/raft"
  node_id                = "one"
  performance_multiplier = 1
}}
listener "tcp" {{
  address       = "127.0.0.1:{port}"
  tls_cert_file = "{home}/server.crt"
  tls_key_file  = "{home}/server.key"
}}
api_addr     = "https://127.0.0.1:{port}"
cluster_addr = "https://127.0.0.1:{cluster_port}"
"#
        );
        write_private(&self.home.join("server.hcl"), &text)
    }

    fn spawn(&self, expected: State) -> Result<()> {
        let mut command = Command::new(&self.program);
        let config = self.home.join("server.hcl");
        command
            .args(["server", &format!("-config={}", config.display())])
            .env("HOME", self.home.path());
        let log = self.home.join("openbao.log");
        self.process.fill(|| {
            let mut process = Process::spawn("openbao", &command, &log, Life::Bound)?;
            process.wait_ready(|| self.check(expected))?;
            Ok(process)
        })
    }

    fn await_state(&self, expected: State) -> Result<()> {
        let mut process = self.process.0.lock();
        let process = process.as_mut().context("OpenBao does not run")?;
        process.wait_ready(|| self.check(expected))
    }

    fn check(&self, (field, value): State) -> Result<()> {
        let output = self.command("").args(["status", "-format=json"]).output()?;
        // A server that is sealed makes it fail.
        let status: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        ensure!(status[field] == value, "its status is {status}");
        Ok(())
    }
}

fn text(value: &Value) -> Result<String> {
    Ok(value
        .as_str()
        .context("the response lacks a field")?
        .to_owned())
}
