//! A forward proxy, tinyproxy, on loopback: what a network with one way out has.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::home::Home;
use crate::supervise::{Life, Process};
use crate::{http, packages, ports};

/// The user of the proxy.
pub const USERNAME: &str = "signet";
/// Their password.
pub const PASSWORD: &str = "rabbit-hole";

/// A proxy that runs, tunnels to every port, and requires a login. It ends when the value is dropped.
#[derive(Debug)]
pub struct ForwardProxy {
    port: u16,
    log: PathBuf,
    process: Process,
    _home: Home,
}

impl ForwardProxy {
    /// Starts one. Installs the program first, if it must.
    ///
    /// # Errors
    /// It cannot be installed or does not start.
    pub fn start() -> Result<Self> {
        let program = packages::tinyproxy()?;
        let home = Home::temporary()?;
        let [port] = ports::free()?;
        let (configuration, log) = (home.join("tinyproxy.conf"), home.join("requests.log"));
        let lines = [
            format!("Port {port}"),
            "Listen 127.0.0.1".to_owned(),
            "Timeout 600".to_owned(),
            "LogLevel Connect".to_owned(),
            format!("LogFile \"{}\"", log.display()),
            format!("BasicAuth {USERNAME} {PASSWORD}"),
        ];
        fs::write(&configuration, lines.join("\n") + "\n")?;
        let mut command = Command::new(program);
        command.arg("-d").arg("-c").arg(&configuration);
        let output = home.join("output.log");
        let mut process = Process::spawn("tinyproxy", &command, &output, Life::Bound)?;
        process.wait_ready(|| {
            let address = http::loopback(port);
            std::net::TcpStream::connect(address).context("it does not listen yet")
        })?;
        let proxy = Self {
            port,
            log,
            process,
            _home: home,
        };
        ensure!(proxy.log.exists(), "tinyproxy writes no log");
        Ok(proxy)
    }

    /// Its URL with the login.
    pub fn url(&self) -> String {
        format!("http://{USERNAME}:{PASSWORD}@127.0.0.1:{}", self.port)
    }

    /// Its URL as messages show it.
    pub fn server(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How often it was asked for a tunnel to a port on loopback.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn tunnels_to(&self, port: u16) -> Result<usize> {
        let log = fs::read_to_string(&self.log)?;
        let request = format!(": CONNECT 127.0.0.1:{port} ");
        Ok(log.lines().filter(|line| line.contains(&request)).count())
    }

    /// Ends it, as an outage of the proxy.
    ///
    /// # Errors
    /// It cannot be ended.
    pub fn kill(self) -> Result<()> {
        self.process.kill()
    }
}
