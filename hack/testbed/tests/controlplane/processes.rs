//! No process and no folder is left when the starter of servers is killed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use signet_testbed::controlplane::{ControlPlane, Options};
use signet_testbed::supervise::{Process, command_line, processes};
use signet_testbed::wait::{Observation, until_blocking};
use signet_testbed::{Ministack, OpenBao};

/// Marks the line on which the starter below prints what it started.
const MARK: &str = "started: ";

pub(crate) fn pids(plane: &ControlPlane) -> Vec<u32> {
    plane.processes().map(Process::pid).collect()
}

pub(crate) fn running(pids: &[u32]) -> Vec<u32> {
    let running = pids.iter().filter(|pid| command_line(**pid).is_some());
    running.copied().collect()
}

/// The command lines of all processes.
pub(crate) fn all() -> impl Iterator<Item = String> {
    let lines = processes().unwrap().filter_map(command_line);
    lines.map(|line| line.join(" "))
}

fn await_end(pids: &[u32], folder: &Path) {
    let what = format!("no process and no {}", folder.display());
    let observe = || {
        let left = running(pids);
        let gone = left.is_empty() && !folder.exists();
        Ok(Observation::reached_if(gone, format!("{left:?} run")))
    };
    until_blocking(what, observe).unwrap();
}

/// Not a test by itself: the starter that the next test kills. Never returns once it has started.
#[tokio::test]
#[ignore = "run by a_killed_starter_leaves_nothing"]
#[allow(clippy::print_stdout, reason = "the test reads what it started")]
async fn starter() {
    let plane = ControlPlane::start(&Options::default()).await.unwrap();
    // From a thread that ends before the test does.
    let servers = std::thread::spawn(|| (OpenBao::start().unwrap(), Ministack::start().unwrap()));
    let (bao, ministack) = servers.join().unwrap();
    let mut pids = pids(&plane);
    pids.extend(bao.pid().into_iter().chain(ministack.pid()));
    let started = (plane.folder(), pids);
    println!("{MARK}{}", serde_json::to_string(&started).unwrap());
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn a_killed_starter_leaves_nothing() {
    let mut starter = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::starter", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(starter.stdout.take().unwrap()).lines();
    let (folder, pids): (PathBuf, Vec<u32>) = lines
        .find_map(|line| serde_json::from_str(line.unwrap().split_once(MARK)?.1).unwrap())
        .expect("the starter starts");
    assert_eq!(running(&pids).len(), 7);
    assert!(folder.exists());

    starter.kill().unwrap();
    starter.wait().unwrap();
    await_end(&pids, &folder);
}
