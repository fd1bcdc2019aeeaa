//! Processes that are the other end of a stream.

use std::thread;
use std::time::Duration;

use super::*;
use crate::pkcs11::signer::key_name::KeyName;
use crate::pkcs11::signer::pin::Pin;
use crate::pkcs11::signer::wire::Token;

/// A process in which a call may take so long, and its end of the stream.
fn process(max_call: Duration) -> (Process, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let program = ModuleProgram {
        max_call,
        max_start: max_call,
        ..ModuleProgram::default()
    };
    let record = Arc::new(Record::new("hsm".to_owned()));
    (Process::new(ours, &program, record), theirs)
}

/// Longer than any of these tests takes on a busy machine.
const LONG: Duration = Duration::from_secs(3600);

fn task(token: &str) -> Task {
    let token = Token {
        name: token.to_owned(),
        label: None,
        serial: None,
    };
    let name = KeyName {
        label: Some("k".to_owned()),
        id: None,
        fingerprint: None,
    };
    let pin = Pin::new("1", "1".to_owned());
    Task::Find { token, name, pin }
}

fn add(process: &Process, token: &str) -> u64 {
    let added = process.calls.lock().add(&task(token), Instant::now());
    added.unwrap().0
}

fn report(stream: &UnixStream, number: u64) {
    let result = Ok(Outcome::Done);
    let done = Report::Done { number, result };
    wire::write(&mut &*stream, &done, MAX_REPORT).unwrap();
}

fn suspects(process: &Process) -> Vec<String> {
    process.life().suspects.into_iter().collect()
}

#[test]
fn a_result_that_nothing_waits_for_is_invalid() {
    let (process, theirs) = process(LONG);
    report(&theirs, 1);
    assert_eq!(process.read(), Some(ModuleStop::Invalid));
}

/// It was on its way when the call was given up.
#[test]
fn a_result_after_the_process_was_stopped_changes_nothing() {
    let (process, theirs) = process(LONG);
    let number = add(&process, "a");
    report(&theirs, number);
    process.stop(ModuleStop::Hung);
    assert_eq!(process.read(), Some(ModuleStop::Hung));
}

#[test]
fn only_the_token_of_the_call_that_hangs_is_suspected() {
    let (process, _theirs) = process(Duration::from_millis(10));
    let process = &process;
    // Its time is not over, since nothing waits for it.
    add(process, "b");
    let error = thread::scope(|scope| scope.spawn(|| process.call(1, task("a")).err()).join());
    let hung = Pkcs11Fault::Stopped(ModuleStop::Hung);
    assert_eq!(error.unwrap(), Some(hung));
    assert_eq!(suspects(process), ["a"]);
}

#[test]
fn all_tokens_with_calls_are_suspected_when_it_crashes() {
    let (process, theirs) = process(LONG);
    let numbers = ["a", "b", "c"].map(|token| add(&process, token));
    process.calls.lock().waiting.remove(&numbers[1]);
    drop(theirs);
    assert_eq!(process.read(), None);
    assert_eq!(suspects(&process), ["a", "c"]);
    process.stop(ModuleStop::Signal(11));
    assert_eq!(suspects(&process), ["a", "c"]);
}

#[test]
fn a_life_has_worked_if_a_call_succeeded() {
    let (idle, _) = process(LONG);
    assert!(!idle.life().has_worked);
    let (process, theirs) = process(LONG);
    let number = add(&process, "a");
    report(&theirs, number);
    drop(theirs);
    process.read();
    assert!(process.life().has_worked);
}

/// After other errors, the stream may end within a request.
#[test]
fn a_stream_that_has_ended_is_told_from_one_that_cannot_be_written_to() {
    for (error, expected) in [
        (io::ErrorKind::BrokenPipe, true),
        (io::ErrorKind::ConnectionReset, true),
        (io::ErrorKind::WouldBlock, false),
        (io::ErrorKind::OutOfMemory, false),
        (io::ErrorKind::Other, false),
    ] {
        assert_eq!(is_end(error), expected, "{error}");
    }
}
