//! However a control plane ends, no process and no folder is left.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use signet_testbed::controlplane::{ControlPlane, Options, Pids, State};

const DEADLINE: Duration = Duration::from_secs(30);
/// Marks the line on which the starter below says what it started.
const MARK: &str = "started: ";

/// Those of the processes that still run.
pub(crate) fn running(pids: &Pids) -> Vec<u32> {
    let pids = [
        Some(pids.keeper),
        Some(pids.etcd),
        Some(pids.kube_apiserver),
        Some(pids.kube_controller_manager),
        pids.cert_manager_webhook,
        pids.cert_manager_controller,
    ];
    pids.into_iter()
        .flatten()
        .filter(|pid| runs(*pid))
        .collect()
}

/// Whether a process runs; one that has ended and that nobody has waited for does not.
fn runs(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    let state = stat.rsplit(')').next().unwrap().trim_start();
    !state.starts_with(['Z', 'X'])
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

fn await_end(pids: &Pids, folder: Option<&Path>) {
    let deadline = Instant::now() + DEADLINE;
    while !running(pids).is_empty() || folder.is_some_and(Path::exists) {
        assert!(
            Instant::now() < deadline,
            "left: {:?} and {folder:?}",
            running(pids)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn bare() -> Options {
    Options {
        cert_manager: None,
        ..Default::default()
    }
}

/// No test of its own: the starter that the next test kills. Never returns once it has started.
#[test]
#[ignore = "run by a_killed_starter_leaves_nothing"]
#[allow(clippy::print_stdout, reason = "how it tells the test what it started")]
fn starter() {
    let plane = ControlPlane::start(&Options::default()).unwrap();
    println!("{MARK}{}", serde_json::to_string(plane.state()).unwrap());
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
    let state: State = lines
        .find_map(|line| serde_json::from_str(line.unwrap().split_once(MARK)?.1).unwrap())
        .expect("the starter starts");
    assert_eq!(running(&state.pids).len(), 6);
    assert!(state.folder.exists());

    starter.kill().unwrap();
    starter.wait().unwrap();
    await_end(&state.pids, Some(&state.folder));
}

#[test]
fn a_killed_keeper_takes_its_children_along() {
    let plane = ControlPlane::start(&bare()).unwrap();
    let (pids, folder) = (plane.pids(), plane.state().folder.clone());
    assert_eq!(running(&pids).len(), 4);
    kill(pids.keeper);
    await_end(&pids, None);
    drop(plane);
    assert!(!folder.exists());
}

#[test]
fn one_server_that_ends_takes_the_others_along() {
    let plane = ControlPlane::start(&bare()).unwrap();
    let (pids, folder) = (plane.pids(), plane.state().folder.clone());
    kill(pids.kube_apiserver);
    await_end(&pids, Some(&folder));
}

#[test]
fn a_detached_one_is_found_again_and_stopped() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state");
    let options = Options {
        state: Some(folder.clone()),
        ..bare()
    };
    assert!(ControlPlane::attach(&folder).unwrap().is_none());
    drop(ControlPlane::start_detached(&options).unwrap());

    let again = ControlPlane::start_detached(&options)
        .unwrap_err()
        .to_string();
    assert!(again.contains("runs in"), "{again}");
    let plane = ControlPlane::attach(&folder)
        .unwrap()
        .expect("it still runs");
    let pids = plane.pids();
    assert_eq!(running(&pids).len(), 4);
    assert!(
        plane
            .kubectl()
            .args(["get", "namespaces"])
            .output()
            .unwrap()
            .status
            .success()
    );
    plane.stop().unwrap();
    await_end(&pids, Some(&folder));
    assert!(ControlPlane::attach(&folder).unwrap().is_none());
}

#[test]
fn a_dead_detached_one_does_not_stand_in_the_way() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state");
    let options = Options {
        state: Some(folder.clone()),
        ..bare()
    };
    let pids = ControlPlane::start_detached(&options).unwrap().pids();
    kill(pids.keeper);
    await_end(&pids, None);
    assert!(ControlPlane::attach(&folder).unwrap().is_none());
    let next = ControlPlane::start(&options).unwrap();
    assert_eq!(running(&next.pids()).len(), 4);
}
