//! What the agent of a workload does: it requests a certificate, and connects with it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::controlplane::{Program, Toolchain};

/// The key of a workload, and with it the form of its CSR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum AgentKey {
    /// RSA with 2048 bits, the default of sidecars.
    #[serde(rename = "RSA")]
    Rsa,
    /// A sidecar with `ECC_SIGNATURE_ALGORITHM=ECDSA`.
    P256,
    /// The same with `ECC_CURVE=P384`.
    P384,
    /// ztunnel's: P-256, an empty subject, and the identity of another account than the token's.
    #[serde(rename = "ZTUNNEL")]
    Ztunnel,
}

/// A call of `istio.v1.auth.IstioCertificateService/CreateCertificate`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AgentRequest<'a> {
    /// Where istiod listens.
    pub address: &'a str,
    /// The DNS name that its certificate must have.
    pub server_name: &'a str,
    /// The roots that its certificate must lead to, in PEM.
    pub roots: &'a str,
    /// The token of the workload, or of ztunnel.
    pub token: &'a str,
    /// The SPIFFE ID of the workload.
    pub identity: &'a str,
    /// The key.
    pub key: AgentKey,
    /// The requested lifetime; 0 for none.
    pub seconds: u32,
    /// `ISTIO_META_CERT_SIGNER` of the workload; empty for none.
    pub cert_signer: &'a str,
}

/// A certificate as istiod returns it, with its key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_debug_implementations, reason = "it holds a key")]
pub struct Workload {
    /// One certificate each, the leaf first; but the last element has all roots.
    pub chain: Vec<String>,
    /// The private key.
    pub key: String,
}

impl Workload {
    /// What the workload presents: the leaf and the intermediates.
    pub fn chain(&self) -> String {
        let presented = self.chain.split_last().map_or(&[][..], |(_, chain)| chain);
        presented.concat()
    }

    /// What the workload trusts.
    pub fn roots(&self) -> &str {
        self.chain.last().map_or("", String::as_str)
    }
}

/// The SPIFFE IDs of two workloads, each as the other one has verified it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Connected {
    /// The client's.
    pub client: String,
    /// The server's.
    pub server: String,
}

/// A program with Istio's own code for CSRs, for calls to istiod and for the verification of peers.
#[derive(Clone, Debug)]
pub struct Agent {
    program: PathBuf,
}

impl Agent {
    /// Builds the program, unless it is in the cache.
    ///
    /// # Errors
    /// It cannot be built.
    pub fn new(toolchain: &Toolchain) -> Result<Self> {
        Ok(Self {
            program: toolchain.path(Program::IstioAgent)?,
        })
    }

    /// The program.
    pub fn program(&self) -> &std::path::Path {
        &self.program
    }

    /// Requests a certificate.
    ///
    /// # Errors
    /// istiod refuses, cannot be reached, or has no certificate for the DNS name.
    pub async fn certificate(&self, request: &AgentRequest<'_>) -> Result<Workload> {
        self.run("certificate", request).await
    }

    /// Completes a handshake of TLS 1.3 in which both sides verify each other.
    ///
    /// # Errors
    /// One side rejects the other one.
    pub async fn connect(
        &self,
        trust_domain: &str,
        client: &Workload,
        server: &Workload,
    ) -> Result<Connected> {
        let parameters = json!({ "TrustDomain": trust_domain, "Client": client, "Server": server });
        self.run("connect", &parameters).await
    }

    async fn run<R: DeserializeOwned>(
        &self,
        command: &str,
        parameters: &impl Serialize,
    ) -> Result<R> {
        let mut agent = Command::new(&self.program);
        agent.arg(command).stdin(Stdio::piped());
        agent.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut agent = tokio::process::Command::from(agent);
        let mut child = agent.kill_on_drop(true).spawn()?;
        let mut input = child.stdin.take().context("no pipe")?;
        input.write_all(&serde_json::to_vec(parameters)?).await?;
        drop(input);
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("the agent's {command} failed: {}", errors.trim());
        }
        serde_json::from_slice(&output.stdout).context("the agent's output cannot be read")
    }
}
