//! Processes that others started: Linux lists them under /proc.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use crate::wait::{Observation, until};

/// The process ids of the programs that run with a subcommand and an argument below `folder`. So
/// none is lost whose id was not stored, and no id is taken for a process that ended long ago.
///
/// # Errors
/// There is no /proc.
pub fn running(subcommand: &str, folder: &Path) -> Result<Vec<u32>> {
    let matches = |pid: &u32| {
        let line = command_line(*pid);
        line.is_some_and(|line| names(&line, subcommand, folder))
    };
    Ok(processes()?.filter(matches).collect())
}

/// Sends SIGTERM to the children of this process.
///
/// # Errors
/// There is no /proc, or a child may not be signaled.
pub fn terminate_children() -> Result<()> {
    let is_child = |pid: &u32| parent(*pid) == Some(std::process::id());
    processes()?
        .filter(is_child)
        .try_for_each(|pid| signal(pid, Signal::TERM))
}

/// Stops a process that another one started, and waits until it has ended.
///
/// # Errors
/// It does not end.
pub async fn stop_process(pid: u32) -> Result<()> {
    signal(pid, Signal::TERM)?;
    let observe = async || {
        let ended = command_line(pid).is_none();
        Ok(Observation::reached_if(ended, "it runs"))
    };
    until(format!("process {pid} to end"), observe).await
}

/// The arguments of a running process, the program first; `None` if it has ended, even if its
/// parent has not reaped it.
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

/// Sends a signal, if the process has not ended.
pub(crate) fn signal(pid: u32, signal: Signal) -> Result<()> {
    let process = Pid::from_raw(pid.try_into()?).context("process id 0")?;
    match kill_process(process, signal) {
        Err(error) if error != Errno::SRCH => Err(error.into()),
        _ => Ok(()),
    }
}

/// The ids of all processes.
///
/// # Errors
/// There is no /proc.
pub fn processes() -> Result<impl Iterator<Item = u32>> {
    let entries = fs::read_dir("/proc").context("cannot list processes")?;
    Ok(entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok()))
}

/// Fields of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    /// Its parent may not have reaped it yet.
    ended: bool,
    parent: u32,
}

/// The id of the process that started another one.
pub fn parent(pid: u32) -> Option<u32> {
    Some(stat(pid)?.parent)
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// State and parent follow the program's name, which is in parentheses and may have any character
/// in it (proc_pid_stat(5)).
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    Some(Stat {
        ended: matches!(words.next()?, "Z" | "X"),
        parent: words.next()?.parse().ok()?,
    })
}

fn names(arguments: &[String], subcommand: &str, folder: &Path) -> bool {
    let mut arguments = arguments.iter().skip(1);
    arguments.next().is_some_and(|it| it == subcommand)
        && arguments.any(|it| Path::new(it).starts_with(folder))
}

#[cfg(test)]
mod tests {
    use crate::wait::until_blocking;

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
    fn a_process_is_found_by_its_subcommand_and_its_folder() {
        for (line, expected) in [
            ("/t/signet run --kubeconfig /s/up/a.yaml", true),
            ("/t/signet run --kubeconfig /s/upper/a.yaml", false),
            ("/t/signet run --log-format json", false),
            ("/t/xtask keep vault --folder /s/up/vault", false),
            ("vi /s/up/a.yaml", false),
            ("vi", false),
        ] {
            let arguments: Vec<_> = line.split(' ').map(str::to_owned).collect();
            let found = names(&arguments, "run", Path::new("/s/up"));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn this_process_runs_and_an_unreaped_one_does_not() {
        let own = command_line(std::process::id()).unwrap();
        assert_eq!(own, std::env::args().collect::<Vec<_>>());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let ended = || {
            let ended = command_line(child.id()).is_none();
            Ok(Observation::reached_if(ended, "it is still found"))
        };
        until_blocking("an unreaped process to end", ended).unwrap();
        child.wait().unwrap();
    }
}
