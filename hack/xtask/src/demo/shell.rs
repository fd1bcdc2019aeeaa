//! The shell in which the demo runs its commands. It prints each command before it runs it.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use signet_testbed::controlplane::Cluster;

use crate::quote::quoted;

/// A POSIX shell at the root of the checkout, with kubectl, OpenSSL and a key server's tools.
/// `$DEMO` is the folder for what the commands write.
pub(super) struct Shell {
    root: PathBuf,
    demo: PathBuf,
    path: OsString,
    cluster: Cluster,
}

impl Shell {
    /// With a folder of tools for `$PATH` and for `$DEMO`.
    pub(super) fn new(root: &Path, cluster: &Cluster, demo: &Path) -> Result<Self> {
        fs::create_dir_all(demo).with_context(|| format!("cannot create {}", demo.display()))?;
        let kubectl = cluster.kubectl();
        let tools = Path::new(kubectl.get_program()).parent();
        let mut folders = vec![demo.to_owned()];
        folders.extend(tools.map(Path::to_owned));
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        folders.extend(std::env::split_paths(&inherited));
        Ok(Self {
            root: root.to_owned(),
            demo: demo.to_owned(),
            path: std::env::join_paths(folders)?,
            cluster: cluster.clone(),
        })
    }

    /// The folder of `$DEMO`.
    pub(super) fn folder(&self) -> &Path {
        &self.demo
    }

    /// Prints how a user gets the same shell.
    pub(super) fn introduce(&self) {
        let tools = std::env::split_paths(&self.path).take(2);
        let tools: Vec<_> = tools.map(|it| quoted(&it)).collect();
        let kubeconfig = quoted(self.cluster.kubeconfig());
        println!("\n$ export KUBECONFIG={kubeconfig}");
        println!("$ export DEMO={}", quoted(&self.demo));
        println!("$ export PATH={}:$PATH", tools.join(":"));
    }

    /// Prints and runs commands, whose output goes through.
    pub(super) fn run(&self, script: &str) -> Result<()> {
        print_script(script);
        std::io::stdout().flush()?;
        let status = self.command(script).stdin(Stdio::null()).status()?;
        ensure!(
            status.success(),
            "a command of the demo failed; the cluster runs until `cargo xtask down`"
        );
        Ok(())
    }

    fn command(&self, script: &str) -> Command {
        let kubectl = self.cluster.kubectl();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-ec", script]).current_dir(&self.root);
        shell.env("DEMO", &self.demo).env("PATH", &self.path);
        for (name, value) in kubectl.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        shell
    }
}

/// As a terminal shows it: a prompt, and another one for the lines that continue a command.
fn print_script(script: &str) {
    println!();
    for (number, line) in script.lines().enumerate() {
        println!("{} {line}", if number == 0 { '$' } else { '>' });
    }
}

/// Prints a comment about what follows.
pub(super) fn comment(text: &str) {
    println!("\n# {text}");
}
