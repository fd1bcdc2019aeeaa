//! The process of a module: the only one that loads the vendor's library. It does what the operator
//! requests, with a thread for each session, and decides nothing.

mod confine;
mod key;
mod library;
mod login;
mod output;
mod public_key;
mod session;
mod token;
mod worker;

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use confine::{confine, end};
use library::Module;
use output::Output;
use worker::Worker;

use super::error::Pkcs11Fault;
use super::wire::{self, LoginRecord, MAX_REQUEST, Outcome, Report, Request, Task};

/// A call's number, and what to do.
type Call = (u64, Task);

/// Runs the process of a PKCS#11 module, whose standard input is the operator's socket. It ends with
/// the operator.
///
/// # Errors
/// It was not started by the operator.
pub fn run_pkcs11_module() -> io::Result<Infallible> {
    let mut stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Before it has a PIN.
    confine()?;
    let first = wire::read(&mut stream, MAX_REQUEST)?;
    let Some(Request::Begin { path, logins }) = first else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    serve(stream, path, logins)
}

fn serve(
    mut stream: UnixStream,
    path: PathBuf,
    logins: Vec<LoginRecord>,
) -> io::Result<Infallible> {
    let output = Arc::new(Output::new(stream.try_clone()?));
    let module = Arc::new(Module::new(path, logins, output.clone()));
    let mut sessions: HashMap<u64, Sender<Call>> = HashMap::new();
    loop {
        let (number, session, task) = match wire::read(&mut stream, MAX_REQUEST) {
            Ok(Some(Request::Call {
                number,
                session,
                task,
            })) => (number, session, task),
            Ok(None) => end("the operator closed the stream"),
            Ok(Some(Request::Begin { .. })) => end("there is a second beginning"),
            Err(error) => {
                let cause = error.kind();
                end(&format!("a request cannot be read ({cause})"))
            }
        };
        let calls = match task {
            Task::Close => sessions.remove(&session),
            _ => match sessions.get(&session) {
                Some(calls) => Some(calls.clone()),
                None => start(&module).inspect(|calls| {
                    sessions.insert(session, calls.clone());
                }),
            },
        };
        let is_taken = calls.is_some_and(|calls| calls.send((number, task)).is_ok());
        if !is_taken {
            let result = Err(Pkcs11Fault::NoThread);
            output.send(&Report::Done { number, result });
        }
    }
}

/// Starts the thread of a session; none if there cannot be another.
fn start(module: &Arc<Module>) -> Option<Sender<Call>> {
    let (sender, calls) = channel();
    let module = module.clone();
    let named = thread::Builder::new().name("session".to_owned());
    let started = named.spawn(move || work(module, &calls));
    started.ok().map(|_| sender)
}

/// Does what is requested in a session, until it is closed.
fn work(module: Arc<Module>, calls: &Receiver<Call>) {
    let output = module.output.clone();
    let mut worker = Worker::new(module);
    for (number, task) in calls {
        // The bindings panic on some responses that no module should return.
        let done = catch_unwind(AssertUnwindSafe(|| worker.run(&task)));
        let result = done.unwrap_or_else(|_| {
            worker.close();
            Err(Pkcs11Fault::InvalidResponse)
        });
        // A key or signature that is no key or signature may have any length.
        let is_short = |outcome: &Outcome| match outcome {
            Outcome::Found(bytes) | Outcome::Signature(bytes) => bytes.len() <= MAX_BYTES,
            Outcome::Done => true,
        };
        let result = match result {
            Ok(outcome) if !is_short(&outcome) => Err(Pkcs11Fault::InvalidResponse),
            result => result,
        };
        output.send(&Report::Done { number, result });
    }
}

/// The longest key or signature that is sent: far more than those of an RSA key of 8192 bits.
const MAX_BYTES: usize = 16 << 10;
