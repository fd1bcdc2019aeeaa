//! However a test ends, no server is left.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use signet_testbed::supervise::command_line;
use signet_testbed::wait::{Observation, until_blocking};
use signet_testbed::{Ministack, OpenBao};

/// Marks the line on which the starter below says what it started.
const MARK: &str = "started: ";
/// Makes [`starter`] start servers, which it does not by itself.
const START: &str = "SIGNET_KEYSERVERS_TEST_START";

fn await_end(pids: &[u32]) {
    until_blocking(format!("no process of {pids:?}"), || {
        let left = pids.iter().filter(|pid| command_line(**pid).is_some());
        let left = left.count();
        Ok(Observation::reached_if(left == 0, left))
    })
    .unwrap();
}

/// What the next test kills. Started by anybody else, it does nothing.
#[test]
#[allow(clippy::print_stdout, reason = "how it tells the test what it started")]
fn starter() {
    if std::env::var_os(START).is_none() {
        return;
    }
    // From a thread that ends before the test does.
    let servers = std::thread::spawn(|| (OpenBao::start().unwrap(), Ministack::start().unwrap()));
    let (bao, ministack) = servers.join().unwrap();
    println!("{MARK}{} {}", bao.pid().unwrap(), ministack.pid().unwrap());
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn a_killed_test_leaves_no_process() {
    let mut starter = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::starter", "--nocapture"])
        .env(START, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(starter.stdout.take().unwrap()).lines();
    let line = lines
        .map(Result::unwrap)
        .find_map(|line| Some(line.split_once(MARK)?.1.to_owned()))
        .unwrap();
    let pids: Vec<u32> = line.split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.iter().all(|pid| command_line(*pid).is_some()));
    starter.kill().unwrap();
    starter.wait().unwrap();
    await_end(&pids);
}

#[test]
fn a_dropped_server_leaves_no_process() {
    let server = Ministack::start().unwrap();
    let pid = server.pid().unwrap();
    drop(server);
    await_end(&[pid]);
}
