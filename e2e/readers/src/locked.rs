//! rustls-webpki in the releases that meshes lock, with their features and their algorithms.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};

use crate::{Chain, program};

/// A mesh whose proxies verify with rustls-webpki.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mesh {
    /// ztunnel of Istio (0.103.13).
    Ztunnel,
    /// The proxy of Linkerd (0.103.14).
    LinkerdProxy,
}

impl Mesh {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Ztunnel, Self::LinkerdProxy];

    /// Builds the programs, which takes a minute.
    ///
    /// # Errors
    /// One cannot be built.
    pub fn build_all() -> Result<()> {
        Self::ALL
            .into_iter()
            .try_for_each(|mesh| mesh.program().map(drop))
    }

    /// The folder with its lock file.
    fn folder(self) -> &'static str {
        match self {
            Self::Ztunnel => "ztunnel",
            Self::LinkerdProxy => "linkerd-proxy",
        }
    }

    /// The program, which is built once in a process.
    fn program(self) -> Result<PathBuf> {
        static PROGRAMS: [OnceLock<Result<PathBuf, String>>; 2] = [const { OnceLock::new() }; 2];
        let program = match self {
            Self::Ztunnel => &PROGRAMS[0],
            Self::LinkerdProxy => &PROGRAMS[1],
        };
        let built = program.get_or_init(|| self.build().map_err(|error| format!("{error:#}")));
        built.clone().map_err(|error| anyhow!("{error}"))
    }

    fn build(self) -> Result<PathBuf> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).unwrap_or(here);
        let chosen = env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty());
        let target = root.join(chosen.unwrap_or_else(|| "target".into()));
        let target = target.join("locked");
        let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--locked", "--target-dir"])
            .arg(&target)
            .current_dir(here.join("locked").join(self.folder()))
            .output()
            .context("cannot run cargo")?;
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cargo build: {text}");
        let program = format!("verify-as-{}", self.folder());
        Ok(target.join("debug").join(program))
    }
}

/// Checks a chain at a time since 1970, as a server's or a client's.
pub(crate) fn verify(chain: &Chain, mesh: Mesh, at: Duration, purpose: &str) -> Result<()> {
    let mut command = Command::new(mesh.program()?);
    command.args([&at.as_secs().to_string(), purpose]);
    let who = format!("rustls-webpki of {}, {purpose}", mesh.folder());
    program::verify(chain, command, &who)
}
