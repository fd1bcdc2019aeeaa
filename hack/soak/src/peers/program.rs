//! Peers in another process, driven over its standard input and output.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail, ensure};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use signet_testbed::{cache, run};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::oneshot;

use super::Identity;

const GO: &str = include_str!("peer.go");
const PYTHON: &str = include_str!("peer.py");

/// A process with peers. It ends when its standard input is closed.
#[allow(missing_debug_implementations, reason = "it passes on keys")]
pub struct Program {
    input: tokio::sync::Mutex<ChildStdin>,
    waiting: Waiting,
    next: AtomicU64,
    _child: Child,
    /// The program and what it writes.
    _folder: TempDir,
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Response>>>>;

#[derive(Deserialize)]
struct Response {
    id: u64,
    port: Option<u16>,
    error: Option<String>,
}

impl Program {
    pub(super) fn python() -> Result<Self> {
        let folder = TempDir::new()?;
        let script = folder.path().join("peer.py");
        std::fs::write(&script, PYTHON)?;
        let mut command = Command::new("python3");
        command.arg(script);
        Self::start(command, folder).context("install Python 3, as python3 on the PATH")
    }

    pub(super) async fn go() -> Result<Self> {
        let program = tokio::task::spawn_blocking(build_go).await??;
        Self::start(Command::new(program), TempDir::new()?)
    }

    fn start(mut command: Command, folder: TempDir) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("TMPDIR", folder.path());
        let mut command = tokio::process::Command::from(command);
        let mut child = command.kill_on_drop(true).spawn()?;
        let input = child.stdin.take().context("no pipe")?;
        let output = child.stdout.take().context("no pipe")?;
        let waiting = Waiting::default();
        tokio::spawn(dispatch(output, waiting.clone()));
        Ok(Self {
            input: tokio::sync::Mutex::new(input),
            waiting,
            next: AtomicU64::new(0),
            _child: child,
            _folder: folder,
        })
    }

    pub(super) async fn set(&self, name: &str, identity: &Identity) -> Result<u16> {
        let Identity { chain, key, roots } = identity;
        let request =
            json!({ "op": "set", "name": name, "chain": chain, "key": key, "roots": roots });
        let response = self.call(request).await?;
        if let Some(error) = response.error {
            bail!("{name} does not accept its identity: {error}");
        }
        response.port.context("the response has no port")
    }

    pub(super) async fn connect(
        &self,
        name: &str,
        (server, port): (&str, u16),
    ) -> Result<Option<String>> {
        let request = json!({ "op": "connect", "name": name, "server": server, "port": port });
        Ok(self.call(request).await?.error)
    }

    pub(super) async fn refusal(&self, name: &str) -> Result<String> {
        let response = self.call(json!({ "op": "refusal", "name": name })).await?;
        response.error.context("the response has no error")
    }

    async fn call(&self, mut request: Value) -> Result<Response> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        request["id"] = json!(id);
        let (sender, response) = oneshot::channel();
        self.waiting.lock().insert(id, sender);
        let line = format!("{request}\n");
        let written = self.input.lock().await.write_all(line.as_bytes()).await;
        written.context("a peer's process has ended")?;
        response.await.context("a peer's process has ended")
    }
}

/// Passes each response on to the call that waits for it. When the output ends, the calls end too.
async fn dispatch(output: ChildStdout, waiting: Waiting) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(response) = serde_json::from_str::<Response>(&line) else {
            break;
        };
        if let Some(call) = waiting.lock().remove(&response.id) {
            // The caller may no longer wait.
            let _ = call.send(response);
        }
    }
    waiting.lock().clear();
}

/// Builds the program, unless it is in the cache. It needs the standard library only, so nothing is
/// downloaded.
fn build_go() -> Result<std::path::PathBuf> {
    let go = run(Command::new("go").args(["env", "GOVERSION", "GOOS", "GOARCH"]));
    let go = go.context("install Go and put it on the PATH")?;
    let entry = format!("soak-peer-{}", cache::key([GO.as_bytes(), go.as_bytes()]));
    let folder = cache::ensure(&cache::folder()?, "soak-peer", &entry, |folder| {
        std::fs::write(folder.join("peer.go"), GO)?;
        let mut build = Command::new("go");
        build.args(["build", "-o", "peer", "peer.go"]);
        build.env("GOFLAGS", "").env("GOPROXY", "off");
        run(build.current_dir(folder)).map(drop)
    })?;
    let program = folder.join("peer");
    ensure!(program.is_file(), "{} is missing", program.display());
    Ok(program)
}
