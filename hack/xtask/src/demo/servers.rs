//! The key servers of a session. Each has a process of its own, which outlives the command that
//! started it and ends with `down`.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};
use signet_testbed::installation::{command_line, stop_process};

use super::commands;
use super::keep::{FACTS, Facts};
use super::key::Key;
use crate::session::Session;

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A key server that runs.
#[derive(Debug)]
pub(super) struct Server {
    /// Where its tools are.
    pub(super) folder: PathBuf,
    pub(super) facts: Facts,
}

/// The server of a key, started if the session has none.
pub(super) async fn ensure(session: &Path, key: Key) -> Result<Server> {
    let folder = session.join("key-servers").join(key.name());
    let facts = folder.join(FACTS);
    let name = key.server();
    if !folder.exists() {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        start(&folder, key).await?;
    }
    ensure!(
        !running(&folder)?.is_empty() && facts.exists(),
        "{name} of this demo runs no more, and its key went with it; end what is up with \
         `cargo xtask down`, and start again"
    );
    let facts = serde_json::from_str(&fs::read_to_string(facts)?)?;
    Ok(Server { folder, facts })
}

/// Ends the key servers of a session, with their keys.
pub(crate) async fn end(session: &Path) -> Result<()> {
    for pid in running(session)? {
        stop_process(pid).await.context("of a key server")?;
    }
    Ok(())
}

async fn start(folder: &Path, key: Key) -> Result<()> {
    let name = key.server();
    eprintln!("starting {name}; the first time, this installs it into the cache");
    let begin = Instant::now();
    let log = folder.join("log");
    let mut child = Command::new(std::env::current_exe()?)
        .args(["key-server", "--key", key.name(), "--folder"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .process_group(0)
        .spawn()?;
    while !folder.join(FACTS).exists() {
        if child.try_wait()?.is_some() {
            bail!(
                "{name} does not start: {}",
                fs::read_to_string(&log)?.trim()
            );
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    eprintln!("{name}: ready in {} s", begin.elapsed().as_secs());
    Ok(())
}

/// The process ids of the key servers with a folder in `folder`: so none is lost whose number
/// nobody wrote down.
fn running(folder: &Path) -> Result<Vec<u32>> {
    let entries = fs::read_dir("/proc").context("processes are found by /proc, as on Linux")?;
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_ours = |pid: &u32| command_line(*pid).is_some_and(|it| is_key_server(&it, folder));
    Ok(pids.filter(is_ours).collect())
}

fn is_key_server(arguments: &[String], folder: &Path) -> bool {
    let in_folder =
        |pair: &[String]| pair[0] == "--folder" && Path::new(&pair[1]).starts_with(folder);
    arguments.get(1).is_some_and(|it| it == "key-server") && arguments.windows(2).any(in_folder)
}

impl Server {
    /// Writes a file beside the tools.
    pub(super) fn keep(&self, name: &str, text: &str) -> Result<PathBuf> {
        let file = self.folder.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file)
    }

    /// Has the key's configuration trust the server: by the ConfigMap that it names, if it does.
    pub(super) fn trust(
        &self,
        session: &Session,
        namespace: &str,
        key: &mut Map<String, Value>,
    ) -> Result<()> {
        let ca = self.facts.ca.as_deref().context("the server has no CA")?;
        let named = key
            .get("caBundle")
            .and_then(|it| it["configMapRef"]["name"].as_str());
        let Some(name) = named else {
            key.insert("caBundle".to_owned(), json!({ "inline": ca }));
            return Ok(());
        };
        let file = format!("--from-file=ca.crt={}", self.keep("ca.crt", ca)?.display());
        commands::kubectl(
            session,
            &["create", "configmap", name, "-n", namespace, &file],
        )
    }

    /// Runs one of the server's tools and shows both it and what it says; what it prints.
    pub(super) fn run(&self, tool: &str, arguments: &[&str]) -> Result<String> {
        self.run_with_input(tool, arguments, "")
    }

    /// The same with an input, where an argument is `-`.
    pub(super) fn run_with_input(
        &self,
        tool: &str,
        arguments: &[&str],
        input: &str,
    ) -> Result<String> {
        let output = self.run_unseen(tool, arguments, input)?;
        output.lines().for_each(|line| println!("{line}"));
        Ok(output)
    }

    /// Runs a tool that prints a secret: it is shown, and what it says is not.
    pub(super) fn run_unseen(&self, tool: &str, arguments: &[&str], input: &str) -> Result<String> {
        commands::show(tool, arguments, input);
        commands::output(Command::new(self.folder.join(tool)).args(arguments), input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_server_is_known_by_its_folder() {
        for (line, expected) in [
            (
                "/t/xtask key-server --key vault --folder /s/up/key-servers/vault",
                true,
            ),
            (
                "/t/xtask key-server --key vault --folder /s/upper/key-servers/vault",
                false,
            ),
            ("/t/xtask demo --key vault --folder /s/up", false),
            ("/t/xtask key-server", false),
        ] {
            let arguments: Vec<_> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(
                is_key_server(&arguments, Path::new("/s/up")),
                expected,
                "{line}"
            );
        }
    }
}
