//! Envoy, as a process.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::home::Home;
use crate::supervise::{Life, Process};
use crate::{http, packages, ports};

/// Envoy, which runs. It ends when the value is dropped.
#[derive(Debug)]
pub struct Envoy {
    admin: SocketAddr,
    _process: Process,
    /// Last, as Envoy reads from it.
    home: Home,
}

impl Envoy {
    /// Starts Envoy with a bootstrap configuration, to which the address of its admin interface is
    /// added, and with these files in its folder. Waits until it is ready.
    ///
    /// # Errors
    /// It does not get ready. The error has the end of its log.
    pub async fn start(
        bootstrap: impl FnOnce(&Path) -> Value,
        files: &[(&str, Value)],
    ) -> Result<Self> {
        let program = tokio::task::spawn_blocking(packages::envoy).await??;
        let home = Home::temporary()?;
        let [port] = ports::free()?;
        let admin = http::loopback(port);
        let mut bootstrap = bootstrap(home.path());
        bootstrap["admin"] = json!({ "address": { "socket_address": {
            "address": admin.ip().to_string(), "port_value": port,
        } } });
        let config = home.join("bootstrap.json");
        fs::write(&config, bootstrap.to_string())?;
        for (name, file) in files {
            replace(&home.join(name), file)?;
        }
        let mut command = Command::new(program);
        command.arg("--config-path").arg(&config);
        // Several share the machine, and each would otherwise share memory with the others.
        command.args(["--concurrency", "1", "--disable-hot-restart"]);
        let mut process = Process::spawn("envoy", &command, &home.join("log"), Life::Bound)?;
        while let Err(missing) = http::check(admin, "/ready").await {
            process.await_more(&missing).await?;
        }
        Ok(Self {
            admin,
            _process: process,
            home,
        })
    }

    /// The path of a file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// Replaces a file in its folder, by a rename: Envoy watches for those.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn replace(&self, name: &str, file: &Value) -> Result<()> {
        replace(&self.path(name), file)
    }

    /// What its admin interface returns.
    ///
    /// # Errors
    /// It returns an error.
    pub async fn admin(&self, path: &str) -> Result<String> {
        let (status, body) = http::get(self.admin, path).await?;
        ensure!(status == 200, "{path} returns {status}: {body}");
        Ok(body)
    }
}

fn replace(path: &Path, file: &Value) -> Result<()> {
    let fresh = path.with_extension("new");
    crate::pki::write_private(&fresh, &file.to_string())?;
    fs::rename(&fresh, path).with_context(|| format!("cannot write {}", path.display()))
}
