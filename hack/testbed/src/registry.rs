//! A registry of images: CNCF Distribution, on loopback, without TLS.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};

use crate::controlplane::Toolchain;
use crate::home::Home;
use crate::supervise::{Life, Process};
use crate::{http, ports};

/// The user of the registry.
pub const USERNAME: &str = "builder";
/// Their password.
pub const PASSWORD: &str = "opensesame";
/// The two as a password file has them, with bcrypt.
const HTPASSWD: &str = "builder:$2b$05$abcdefghijklmnopqrstuuQbLfdQZSxZ9gjhA5V9o8Tyc6aQRO0Qi\n";

/// A registry that runs, and requires a login. It ends when the value is dropped.
#[derive(Debug)]
pub struct Registry {
    address: SocketAddr,
    _process: Process,
    _home: Home,
}

impl Registry {
    /// Starts one with empty storage.
    ///
    /// # Errors
    /// It cannot be built or does not start.
    pub async fn start(toolchain: &Toolchain) -> Result<Self> {
        let program = toolchain.registry()?;
        let home = Home::temporary()?;
        let [port] = ports::free()?;
        let address = http::loopback(port);
        let (path, passwords) = (home.join("config.yml"), home.join("htpasswd"));
        fs::write(&passwords, HTPASSWD)?;
        let storage = home.join("storage");
        let configuration = configuration(address, &json!(storage), &json!(passwords));
        // JSON is YAML.
        fs::write(&path, configuration.to_string())?;
        let mut command = Command::new(program);
        command.arg("serve").arg(&path);
        command.env("OTEL_TRACES_EXPORTER", "none");
        let log = home.join("log");
        let mut process = Process::spawn("the registry", &command, &log, Life::Bound)?;
        while let Err(missing) = http::get(address, "/v2/").await {
            process.await_more(&missing).await?;
        }
        Ok(Self {
            address,
            _process: process,
            _home: home,
        })
    }

    /// Host and port, as references have them.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn configuration(address: SocketAddr, storage: &Value, passwords: &Value) -> Value {
    json!({
        "version": 0.1,
        "storage": { "filesystem": { "rootdirectory": storage } },
        "http": { "addr": address },
        "auth": { "htpasswd": { "realm": "signet", "path": passwords } },
    })
}
