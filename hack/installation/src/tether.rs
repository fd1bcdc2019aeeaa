//! Children that do not outlive this process, however it ends.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

/// A command to spawn, and where the child goes.
type Order = (Command, Sender<io::Result<Child>>);

/// Spawns `command` so that the kernel ends it with this process.
///
/// The kernel goes by the thread that spawned it, and a test's thread ends with the test. So one
/// thread that never ends spawns them all.
pub(crate) fn spawn(keeper: &Path, command: &Command, log: File) -> io::Result<Child> {
    static ORDERS: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (orders, incoming) = channel::<Order>();
        thread::spawn(move || {
            for (mut command, done) in incoming {
                // Nobody waiting for the child is nobody to tell.
                let _ = done.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    let (done, child) = channel();
    let gone = || io::Error::other("the spawning thread is gone");
    orders
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((wrapped(keeper, command, log), done))
        .map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

/// The same command, through the keeper, which ties its life to ours and then becomes it.
fn wrapped(keeper: &Path, command: &Command, log: File) -> Command {
    let mut wrapped = Command::new(keeper);
    wrapped
        .args(["child", "--parent"])
        .arg(std::process::id().to_string())
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    wrapped
}
