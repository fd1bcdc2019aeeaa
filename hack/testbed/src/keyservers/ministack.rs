//! An emulator of AWS KMS, STS and IAM.

mod iam;
mod kms;

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Slot;
use crate::home::Home;
use crate::http;
use crate::packages;
use crate::ports;
use crate::supervise::{Life, Process};

pub use iam::{AccessKey, Session};

/// The region that the emulator is in.
pub const REGION: &str = "us-east-1";
/// The account that owns its keys.
pub const ACCOUNT: &str = "000000000000";

/// The caller of requests: the account's root, whose signature is not checked.
const ROOT: &str = "test";

/// The emulator `ministack`, over HTTP on loopback. Its state survives [`Self::restart`], which
/// ends it in order, and not a kill.
///
/// All methods block; in an async test whose own tasks must run meanwhile, call them by
/// `tokio::task::spawn_blocking`.
#[derive(Debug)]
pub struct Ministack {
    package: packages::Python,
    home: Home,
    port: u16,
    /// Whether it checks signatures and permissions.
    iam: bool,
    process: Slot,
}

impl Ministack {
    /// Starts an emulator that lets every caller do everything. Installs it first, if it must.
    pub fn start() -> Result<Self> {
        Self::start_as(false)
    }

    /// Starts an emulator that checks the signatures of requests, and the permissions of IAM users
    /// and of assumed roles, with their trust policies. The access key `test` stays root.
    pub fn start_with_iam() -> Result<Self> {
        Self::start_as(true)
    }

    fn start_as(iam: bool) -> Result<Self> {
        let [port] = ports::free()?;
        let server = Self {
            package: packages::ministack()?,
            home: Home::temporary()?,
            port,
            iam,
            process: Slot::default(),
        };
        server.resume()?;
        Ok(server)
    }

    /// `http://127.0.0.1:PORT`, for KMS, STS and IAM alike.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// Ends the emulator, which keeps its state. Connections to its port are refused from now on.
    pub fn stop(&self) -> Result<()> {
        self.process.stop()
    }

    /// Starts a stopped emulator again on the same port, with its keys.
    pub fn resume(&self) -> Result<()> {
        self.process.fill(|| self.spawn())
    }

    fn spawn(&self) -> Result<Process> {
        let mut command = self.command();
        command
            .args(["-m", "ministack"])
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", self.port.to_string())
            .env("SERVICES", "kms,sts,iam")
            .env("AUTH", self.iam.to_string())
            .env("MINISTACK_REGION", REGION)
            // It would open further ports, one of them on every interface.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .env("PERSIST_STATE", "1")
            .env("STATE_DIR", self.home.join("state"));
        let log = self.home.join("ministack.log");
        let mut process = Process::spawn("ministack", &command, &log, Life::Bound)?;
        process.wait_ready(|| http::block_on(http::check(self.socket(), "/_ministack/ready")))?;
        Ok(process)
    }

    /// Stops and resumes.
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.resume()
    }

    /// Python with AWS's own library `botocore`, for requests with a real signature.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.package.python);
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .env("PYTHONPATH", &self.package.modules)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(self.home.path());
        command
    }

    /// One call of KMS by its JSON protocol, such as `CreateKey`.
    pub fn kms(&self, action: &str, input: &Value) -> Result<Value> {
        let target = format!("TrentService.{action}");
        let authorization = authorization("kms");
        let headers = [
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Target", &target),
            ("Authorization", &authorization),
        ];
        let text = self.post(&headers, input.to_string(), action)?;
        serde_json::from_str(&text).with_context(|| format!("{action} returned {text}"))
    }

    fn post(&self, headers: &[(&str, &str)], body: String, action: &str) -> Result<String> {
        let (status, text) = http::block_on(http::post(self.socket(), headers, body))?;
        ensure!(status == 200, "{action}: {status} {text}");
        Ok(text)
    }

    fn socket(&self) -> SocketAddr {
        http::loopback(self.port)
    }
}

/// A header that names the caller, its region and the service, which is how the emulator finds
/// the service.
fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={ROOT}/20260101/{REGION}/{service}/aws4_request, \
         SignedHeaders=host, Signature=none"
    )
}
