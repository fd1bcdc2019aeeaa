//! Ctrl-C, SIGTERM and SIGHUP while something is being brought up.

use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::Signal;
use signet_testbed::supervise::terminate_children;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::sync::oneshot;

const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Does `work` on its own thread. On a signal, ends it and does `undo`, which a further signal
/// ends.
///
/// # Errors
/// That of the work, or that it was interrupted.
pub(crate) async fn undo_on_signal<T, W>(
    work: impl FnOnce() -> W + Send + 'static,
    undo: impl Future<Output = Result<()>>,
) -> Result<T>
where
    T: Send + 'static,
    W: Future<Output = Result<T>>,
{
    let mut signals = Signals::listen()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let runtime = Handle::current();
    let stoppable = move || {
        runtime.block_on(async {
            tokio::select! {
                done = work() => done,
                _ = stopped => bail!("interrupted"),
            }
        })
    };
    let mut work = tokio::task::spawn_blocking(stoppable);
    tokio::select! {
        biased;
        _ = signals.next() => {}
        done = &mut work => return done?,
    }
    eprintln!("interrupted; undoing what was started (a second signal stops that)");
    drop(stop);
    while !work.is_finished() {
        // It may be waiting for a program, which blocks it, and may start another after that.
        terminate_children()?;
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    tokio::select! {
        _ = signals.next() => bail!("interrupted; run `cargo xtask down` to undo the rest"),
        undone = undo => undone?,
    }
    bail!("interrupted")
}

/// Signals that end a program.
pub(crate) struct Signals {
    interrupt: Stream,
    terminate: Stream,
    hangup: Stream,
}

impl Signals {
    /// Handles these signals from now on.
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hangup.recv() => Signal::HUP,
        }
    }
}
