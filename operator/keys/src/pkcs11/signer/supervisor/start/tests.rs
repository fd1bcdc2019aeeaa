//! Processes that end.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::access::ModuleProgram;

/// A process that runs this script, and its standard output.
fn running(script: &str) -> (Running, impl Read) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut child = Command::new("/bin/sh")
        .args(["-c", script])
        .stdin(Stdio::from(OwnedFd::from(theirs)))
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

/// A library may have forked it.
#[test]
fn a_stream_ends_with_its_process_also_if_a_child_holds_it_open() {
    let (mut running, mut output) = running("exec 3<&0; sleep 60 & echo x");
    close_at_exit(&running.child, &running.process);
    running.known = running.process.read();
    let process = running.process.clone();
    drop(running);
    assert_eq!(process.stopped(), Some(ModuleStop::Exit(0)));
    output.read_exact(&mut [0; 2]).unwrap();
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
