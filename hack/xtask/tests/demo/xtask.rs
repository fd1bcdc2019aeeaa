//! `cargo xtask` with its own session.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use signet_testbed::supervise::{command_line, parent, processes};
use signet_testbed::wait::{Observation, until_blocking};
use tempfile::TempDir;

/// `cargo xtask`, with its own session, which ends with this value.
pub(crate) struct Xtask {
    parent: TempDir,
}

impl Xtask {
    pub(crate) fn new() -> Self {
        Self {
            parent: tempfile::tempdir().unwrap(),
        }
    }

    /// With a character that a shell would split.
    fn folder(&self) -> PathBuf {
        self.parent.path().join("a session")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(arguments).arg("--state").arg(self.folder());
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        // The terminal of a test that fails has all of it.
        print!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?} failed");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} was not rejected");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The processes of this session, by their command lines: each has its folder among its
    /// arguments.
    fn found(&self) -> Vec<(u32, String)> {
        let folder = self.folder().into_os_string().into_string().unwrap();
        let mut found = all();
        found.retain(|(_, line)| line.contains(&folder));
        found
    }

    pub(crate) fn processes(&self) -> Vec<String> {
        self.found().into_iter().map(|(_, line)| line).collect()
    }

    /// The processes that keep servers, with all that they have started.
    pub(crate) fn key_servers(&self) -> Vec<(u32, String)> {
        let mut servers = self.found();
        servers.retain(|(_, line)| line.contains(" keep "));
        let mut next = 0;
        while let Some((starter, _)) = servers.get(next) {
            let starter = Some(*starter);
            servers.extend(all().into_iter().filter(|(pid, _)| parent(*pid) == starter));
            next += 1;
        }
        servers
    }

    /// That none of these runs.
    pub(crate) fn assert_ended(processes: &[(u32, String)]) {
        let left: Vec<_> = all()
            .into_iter()
            .filter(|it| processes.contains(it))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// Runs it until it prints `line`, and sends a signal then; returns the output after that.
    pub(crate) fn interrupted(&self, arguments: &[&str], line: &str, signal: Signal) -> String {
        let mut command = self.command(arguments);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let found = lines.by_ref().any(|it| it.unwrap().contains(line));
        assert!(found, "it does not print: {line}");
        kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), signal).unwrap();
        let rest: Vec<_> = lines.map_while(Result::ok).collect();
        assert!(!child.wait().unwrap().success(), "{line}: {rest:?}");
        rest.join("\n")
    }

    /// Kills a process of the session, and waits until it is gone.
    pub(crate) fn kill(&self, what: &str) {
        let mut found = self.found();
        found.retain(|(_, line)| line.contains(what));
        assert_eq!(found.len(), 1, "{what}: {found:?}");
        let pid = Pid::from_raw(found[0].0.cast_signed()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        self.wait_until_ended(what);
    }

    /// Waits until no process of the session with this in its command line runs.
    pub(crate) fn wait_until_ended(&self, what: &str) {
        let observe = || {
            let mut left = self.processes();
            left.retain(|line| line.contains(what));
            Ok(Observation::reached_if(left.is_empty(), left.join("\n")))
        };
        until_blocking(format!("{what} to end"), observe).unwrap();
    }

    pub(crate) fn assert_nothing_is_left(&self) {
        assert_eq!(self.processes(), Vec::<String>::new());
        assert!(!self.folder().exists(), "the folder is left");
    }
}

/// All processes that run, by id and command line.
fn all() -> Vec<(u32, String)> {
    let line = |pid| Some((pid, command_line(pid)?.join(" ")));
    processes().unwrap().filter_map(line).collect()
}

impl Drop for Xtask {
    fn drop(&mut self) {
        // A test that failed has left it; an error here would hide that one.
        let _ = self.command(&["down"]).output();
    }
}
