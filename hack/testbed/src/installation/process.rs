//! Operators as processes: finding those that run, and ending them. Linux tells both under /proc.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long an operator may take to stop: longer than its own patience with work in flight.
pub(crate) const STOP_DEADLINE: Duration = Duration::from_secs(40);
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The process ids of the operators that run with a kubeconfig out of `folder`. So none is lost
/// whose number nobody wrote down, and no number is taken for an operator that another process
/// was given since.
///
/// # Errors
/// There is no /proc.
pub fn operators(folder: &Path) -> Result<Vec<u32>> {
    let is_operator = |pid: &u32| {
        let line = command_line(*pid);
        line.is_some_and(|line| is_operator(&line, folder))
    };
    Ok(processes()?.filter(is_operator).collect())
}

/// Asks the programs that this process has started to end.
///
/// # Errors
/// There is no /proc, or a program may not be ended.
pub fn terminate_children() -> Result<()> {
    let is_child = |pid: &u32| stat(*pid).is_some_and(|it| it.parent == std::process::id());
    processes()?.filter(is_child).try_for_each(terminate)
}

/// Stops an operator that another process started, and waits until it has ended.
///
/// # Errors
/// It does not stop.
pub async fn stop_process(pid: u32) -> Result<()> {
    terminate(pid)?;
    let deadline = Instant::now() + STOP_DEADLINE;
    while Instant::now() < deadline {
        if command_line(pid).is_none() {
            return Ok(());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    bail!("the operator did not stop in {} s", STOP_DEADLINE.as_secs())
}

/// The arguments of a process that runs, the program first; none if it has ended, also if nobody
/// has reaped it.
pub fn command_line(pid: u32) -> Option<Vec<String>> {
    if stat(pid)?.ended {
        return None;
    }
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let line = line.strip_suffix(&[0]).unwrap_or(&line);
    let arguments = line.split(|byte| *byte == 0);
    Some(
        arguments
            .map(|argument| String::from_utf8_lossy(argument).into_owned())
            .collect(),
    )
}

/// Asks a process to end; one that has ended already is no error.
pub(crate) fn terminate(pid: u32) -> Result<()> {
    let process = Pid::from_raw(pid.try_into()?).context("there is no process 0")?;
    match kill_process(process, Signal::TERM) {
        Err(error) if error != rustix::io::Errno::SRCH => Err(error.into()),
        _ => Ok(()),
    }
}

fn processes() -> Result<impl Iterator<Item = u32>> {
    let entries = fs::read_dir("/proc").context("processes are found by /proc, as on Linux")?;
    Ok(entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok()))
}

/// What `/proc/PID/stat` says of a process.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    /// It runs no more, though nobody may have reaped it.
    ended: bool,
    parent: u32,
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// State and parent come after the program's name, which stands in parentheses and may have any
/// character in it (proc_pid_stat(5)).
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    Some(Stat {
        ended: matches!(words.next()?, "Z" | "X"),
        parent: words.next()?.parse().ok()?,
    })
}

fn is_operator(arguments: &[String], folder: &Path) -> bool {
    arguments.windows(3).any(|three| {
        three[0] == "run" && three[1] == "--kubeconfig" && Path::new(&three[2]).starts_with(folder)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_and_parent_are_read_whatever_the_name_is() {
        for (text, ended, parent) in [
            ("7 (signet) S 1 7 7 0", false, 1),
            ("7 (signet) Z 12 7 7 0", true, 12),
            ("7 (signet) X 1 7 7 0", true, 1),
            ("7 (a) Z 9 (b) R 3 7 7 0", false, 3),
        ] {
            assert_eq!(parse_stat(text), Some(Stat { ended, parent }), "{text}");
        }
        assert_eq!(parse_stat("7 (signet)"), None);
    }

    #[test]
    fn an_operator_is_known_by_the_folder_of_its_kubeconfig() {
        for (line, expected) in [
            ("/t/signet run --kubeconfig /s/up/a.yaml", true),
            ("/t/signet run --kubeconfig /s/upper/a.yaml", false),
            ("/t/signet run --log-format json", false),
            ("vi /s/up/a.yaml", false),
        ] {
            let arguments: Vec<_> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(
                is_operator(&arguments, Path::new("/s/up")),
                expected,
                "{line}"
            );
        }
    }

    #[test]
    fn this_process_runs_and_one_that_nobody_reaps_does_not() {
        let own = command_line(std::process::id()).unwrap();
        assert_eq!(own, std::env::args().collect::<Vec<_>>());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let deadline = Instant::now() + STOP_DEADLINE;
        while command_line(child.id()).is_some() {
            assert!(Instant::now() < deadline, "it is still said to run");
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }
}
