//! SPIRE, as processes: servers with a CA below another one, agents, and the OIDC discovery provider.
//!
//! An [`Agent`] attests itself with a join token, and workloads by their user. So everything that
//! this user runs is a workload, and each is given what is registered for the user.

mod agent;
mod configuration;
mod discovery;
mod server;
mod upstream;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::controlplane::{Program, Toolchain};

pub use agent::{Agent, Svid};
pub use discovery::Discovery;
pub use server::{Server, ServerOptions};
pub use upstream::Upstream;

/// Builds all programs that are not in the cache.
///
/// # Errors
/// One cannot be built.
pub fn build(toolchain: &Toolchain) -> Result<()> {
    let programs = [
        Program::SpireServer,
        Program::SpireAgent,
        Program::SpireDiscovery,
    ];
    (programs.into_iter()).try_for_each(|program| toolchain.path(program).map(drop))
}

/// The server and the agent, built now if the cache does not have them.
///
/// # Errors
/// One cannot be built.
pub fn programs(toolchain: &Toolchain) -> Result<[PathBuf; 2]> {
    let server = toolchain.path(Program::SpireServer)?;
    Ok([server, toolchain.path(Program::SpireAgent)?])
}

/// Runs a command to its end, and returns its standard output.
async fn output(mut command: Command) -> Result<String> {
    command.stdin(Stdio::null());
    let mut command = tokio::process::Command::from(command);
    let output = command.kill_on_drop(true).output().await?;
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        bail!("{}", String::from_utf8_lossy(&text).trim());
    }
    String::from_utf8(output.stdout).context("the output is no text")
}
