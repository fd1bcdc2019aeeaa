//! Processes that end.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::access::ModuleProgram;

/// A process that runs this script, and its standard output.
fn running(script: &str) -> (Running, impl Read) {
    let (ours, _) = UnixStream::pair().unwrap();
    let mut child = Command::new("/bin/sh")
        .args(["-c", script])
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    let record = Arc::new(Record::new("hsm".to_owned()));
    let process = Process::new(ours, &ModuleProgram::default(), record.clone());
    let running = Running {
        child,
        process: Arc::new(process),
        record,
        known: None,
    };
    (running, output)
}

/// The output ends when no process has it open.
#[test]
fn the_children_of_a_process_end_with_it() {
    let (running, mut output) = running("(sleep 60; echo survived) & echo x; wait");
    output.read_exact(&mut [0; 2]).unwrap();
    drop(running);
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

/// Another one can be started then.
#[test]
fn a_process_whose_thread_panics_ends() {
    let (running, mut output) = running("echo x; exec sleep 60");
    output.read_exact(&mut [0; 2]).unwrap();
    let process = running.process.clone();
    let panics = AssertUnwindSafe(move || {
        let _running = running;
        panic!("while a report is read");
    });
    catch_unwind(panics).unwrap_err();
    assert!(process.has_ended());
    assert_eq!(process.stopped(), Some(ModuleStop::Invalid));
}
