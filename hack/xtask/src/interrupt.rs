//! Ctrl-C, SIGTERM and SIGHUP while something is being brought up.

use std::time::Duration;

use anyhow::{Result, bail};
use signet_testbed::supervise::terminate_children;
use tokio::signal::unix::{Signal, SignalKind, signal};

const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Does `work`; if a signal comes meanwhile, ends it and does `undo`, which a further signal ends.
///
/// # Errors
/// That of the work, or that it was interrupted.
pub(crate) async fn undone<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
    undo: impl Future<Output = Result<()>>,
) -> Result<T> {
    let mut signals = Signals::listen()?;
    let mut work = tokio::spawn(work);
    tokio::select! {
        biased;
        () = signals.next() => {}
        done = &mut work => return done?,
    }
    eprintln!("interrupted; undoing what was begun (a second signal leaves it)");
    work.abort();
    while !work.is_finished() {
        // It may be waiting for a program, which blocks it, and may start another after that.
        terminate_children()?;
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    tokio::select! {
        () = signals.next() => bail!("interrupted; `cargo xtask down` undoes the rest"),
        undone = undo => undone?,
    }
    bail!("interrupted")
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
