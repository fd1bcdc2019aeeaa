//! Children that do not outlive this process, however it ends.

use std::fs::File;
use std::io;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

/// A command to spawn, and where the child goes.
type Order = (Command, Sender<io::Result<Child>>);

/// Becomes the program, unless the process that wanted it died before the kernel was asked to
/// end the program with it. Its `$0` is the process id of the one that wanted it.
const BECOME: &str = r#"[ "$PPID" = "$0" ] || exit 1; exec "$@""#;

/// Spawns `command` with its output in `log`, so that the kernel kills it when this process ends.
/// What is not set in the command's environment, the child has not, except for `PATH`.
///
/// The kernel goes by the thread that spawned it, and a test's thread ends with the test. So one
/// thread that never ends spawns them all.
pub(crate) fn spawn(command: &Command, log: &File) -> io::Result<Child> {
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
        .send((wrapped(command, log)?, done))
        .map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

/// The same command through setpriv of util-linux, which asks the kernel for the signal and then
/// becomes it.
fn wrapped(command: &Command, log: &File) -> io::Result<Command> {
    let mut wrapped = Command::new("setpriv");
    wrapped
        .args(["--pdeathsig", "KILL", "--", "/bin/sh", "-c", BECOME])
        .arg(std::process::id().to_string())
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?);
    if let Some(path) = std::env::var_os("PATH") {
        wrapped.env("PATH", path);
    }
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            wrapped.env(name, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    Ok(wrapped)
}
