//! What GitOps tools make of an object.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use kube::api::DynamicObject;
use serde::Deserialize;
use signet_testbed::controlplane::Toolchain;

use crate::runtime::blocking;

/// The patch of Argo CD's ConfigMap.
const PATCH: &str = include_str!("../../docs/gitops/argocd-cm.yaml");

/// The health of an object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// By `sigs.k8s.io/cli-utils`.
    pub kstatus: String,
    /// By Flux's copy of it.
    pub flux: String,
    /// By Argo CD's Lua and the script of the docs.
    pub argo: String,
    /// Argo CD's message.
    pub message: String,
}

impl Health {
    /// Asks the tools about an object.
    ///
    /// # Errors
    /// One of them cannot read it, or the docs have no script for its kind.
    pub async fn of(object: &DynamicObject) -> Result<Self> {
        let types = object.types.as_ref().context("it has a kind")?;
        let script = script(&types.kind)?;
        let json = serde_json::to_vec(object)?;
        let output = blocking(move || {
            let mut file = tempfile::NamedTempFile::new()?;
            file.write_all(script.as_bytes())?;
            let mut child = Command::new(Toolchain::new()?.kstatus()?)
                .arg(file.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            child.stdin.take().context("no pipe")?.write_all(&json)?;
            Ok(child.wait_with_output()?)
        })
        .await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{errors}");
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// Returns the script for a kind, as the block of the patch has it.
fn script(kind: &str) -> Result<String> {
    let key = format!("  resource.customizations.health.signet.dev_{kind}: |\n");
    let (_, block) = PATCH.split_once(&key).context("the patch has the kind")?;
    let lines = block.lines().map_while(|line| line.strip_prefix("    "));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}
