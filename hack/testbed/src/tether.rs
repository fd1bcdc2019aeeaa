//! Children that do not outlive this process, however it ends.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

/// A command to spawn, and where the child goes.
type Order = (Command, Sender<io::Result<Child>>);

/// Spawns a command that asks the kernel to end it with its parent.
///
/// The kernel goes by the thread that spawned it, and a test's thread ends with the test. So one
/// thread that never ends spawns them all.
///
/// # Errors
/// It cannot be spawned.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
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
        .send((command, done))
        .map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}
