//! `cargo xtask` with a session of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// `cargo xtask`, with a session of its own, which ends with this value.
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
        assert!(!output.status.success(), "{arguments:?} was not refused");
        String::from_utf8(output.stderr).unwrap()
    }

    /// What of this session runs: every process has its folder among its arguments.
    pub(crate) fn processes(&self) -> Vec<String> {
        let folder = self.folder().into_os_string().into_string().unwrap();
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
            .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
            .filter(|line| line.contains(&folder))
            .collect()
    }

    /// The processes of the key servers, with all that they have started: id and start time, so
    /// that no other process is taken for one of them.
    pub(crate) fn key_servers(&self) -> Vec<(u32, String)> {
        let folder = self.folder().into_os_string().into_string().unwrap();
        let all: Vec<_> = fs::read_dir("/proc").unwrap().flatten().collect();
        let all: Vec<u32> = all
            .iter()
            .filter_map(|process| process.file_name().to_str()?.parse().ok())
            .collect();
        let is_keeper = |pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            line.contains(" keep ") && line.contains(&folder)
        };
        let mut found: Vec<u32> = all.iter().copied().filter(is_keeper).collect();
        let mut next = 0;
        while let Some(parent) = found.get(next).map(u32::to_string) {
            let is_child = |pid: &&u32| stat(**pid).is_some_and(|stat| stat[1] == parent);
            found.extend(all.iter().filter(is_child));
            next += 1;
        }
        let started = |pid: u32| Some((pid, stat(pid)?[19].clone()));
        found.into_iter().filter_map(started).collect()
    }

    /// That none of these runs.
    pub(crate) fn assert_ended(processes: &[(u32, String)]) {
        for (pid, started) in processes {
            let runs = stat(*pid).is_some_and(|stat| stat[19] == *started && stat[0] != "Z");
            assert!(!runs, "{pid} runs still");
        }
    }

    /// Runs it until it says `said`, and sends a signal then; what it says after that.
    pub(crate) fn interrupted(&self, arguments: &[&str], said: &str, signal: Signal) -> String {
        let mut command = self.command(arguments);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let found = lines.by_ref().any(|line| line.unwrap().contains(said));
        assert!(found, "it does not say: {said}");
        kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), signal).unwrap();
        let rest: Vec<_> = lines.map_while(Result::ok).collect();
        assert!(!child.wait().unwrap().success(), "{said}: {rest:?}");
        rest.join("\n")
    }

    /// Kills a process of the session, and waits until it is gone.
    pub(crate) fn kill(&self, what: &str) {
        let folder = self.folder().into_os_string().into_string().unwrap();
        let mut killed = 0;
        for process in fs::read_dir("/proc").unwrap().flatten() {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(what) && line.contains(&folder) {
                let pid = process.file_name().to_str().unwrap().parse().unwrap();
                kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
                killed += 1;
            }
        }
        assert_eq!(killed, 1, "{what}");
        while self.processes().iter().any(|line| line.contains(what)) {
            std::thread::yield_now();
        }
    }

    pub(crate) fn assert_nothing_is_left(&self) {
        assert_eq!(self.processes(), Vec::<String>::new());
        assert!(!self.folder().exists(), "the folder is left");
    }
}

/// The fields of `/proc/PID/stat` after the program's name: state, parent, and so on.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

impl Drop for Xtask {
    fn drop(&mut self) {
        // A test that failed has left it; there is nobody to tell if this fails too.
        let _ = self.command(&["down"]).output();
    }
}
