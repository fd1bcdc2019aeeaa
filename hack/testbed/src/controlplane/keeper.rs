//! The keeper: the process whose children the servers are, from the first to the last.

mod home;
mod plane;
pub(crate) mod protocol;

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::controlplane::progress::{duration, say};
use crate::controlplane::{Options, State};
use home::Home;
use plane::Plane;
use protocol::{Order, Reply};

pub use crate::controlplane::process::become_child;

/// Runs a control plane until it is told to end: by SIGTERM, SIGINT or SIGHUP, or by the end of
/// standard input. With `outlive_starter` the latter two count only until the control plane is
/// ready. Then stops all servers and removes the state folder.
///
/// Must run on the process's main thread, in a runtime that has no other: the kernel ties the
/// life of a child to the thread that made it.
pub async fn serve(options: &Options, outlive_starter: bool) -> Result<()> {
    // Away from the starter's process group: Ctrl-C is for the starter, and we see it end. A shell
    // that starts this program itself has given it a group of its own, and then this fails.
    let _ = rustix::process::setsid();
    let mut ends = Ends::listen()?;
    let (home, mut plane) = match prepare(options) {
        Ok(prepared) => prepared,
        Err(error) => return tell(&Err(format!("{error:#}"))),
    };
    let outcome = keep(&mut plane, options, outlive_starter, &mut ends).await;
    plane.stop().await?;
    if let Err(error) = &outcome
        && outlive_starter
    {
        // Nobody reads our output any more; the folder stays, and the next start clears it.
        return Ok(std::fs::write(
            home.folder.join("logs/keeper.log"),
            format!("{error:#}\n"),
        )?);
    }
    home.leave()?;
    outcome
}

fn prepare(options: &Options) -> Result<(Home, Plane)> {
    let home = Home::take(options.state.as_deref())?;
    match Plane::new(&home.folder) {
        Ok(plane) => Ok((home, plane)),
        Err(error) => {
            home.leave()?;
            Err(error)
        }
    }
}

/// Starts the servers, tells the starter, and returns when all is to end.
async fn keep(
    plane: &mut Plane,
    options: &Options,
    outlive_starter: bool,
    ends: &mut Ends,
) -> Result<()> {
    let begin = Instant::now();
    let started = tokio::select! {
        started = plane.start(options) => started,
        () = ends.any() => return Ok(()),
    };
    if let Err(error) = started {
        return tell(&Err(format!("the control plane does not start: {error:#}")));
    }
    let state = plane.state()?;
    state.write()?;
    say(format_args!(
        "control plane: ready in {}",
        duration(begin.elapsed())
    ));
    tell(&Ok(state))?;
    if outlive_starter {
        ends.outlive_starter();
    }
    loop {
        let order = tokio::select! {
            order = ends.order() => order,
            words = plane.failed() => return Err(anyhow!("the control plane broke: {words}")),
        };
        let Some(order) = order else { return Ok(()) };
        let reply = obey(plane, order?)
            .await
            .map_err(|error| format!("{error:#}"));
        tell(&reply)?;
    }
}

async fn obey(plane: &mut Plane, order: Order) -> Result<State> {
    match order {
        Order::StartCertManager(options) => plane.start_cert_manager(&options).await?,
        Order::StopCertManager => plane.stop_cert_manager().await?,
    }
    let state = plane.state()?;
    state.write()?;
    Ok(state)
}

/// Says a line to the starter. One that has gone is noticed elsewhere.
fn tell(reply: &Reply) -> Result<()> {
    let mut line = serde_json::to_string(reply)?;
    line.push('\n');
    let mut output = std::io::stdout().lock();
    let _ = output
        .write_all(line.as_bytes())
        .and_then(|()| output.flush());
    Ok(())
}

/// All that can end a control plane, and the orders, which come by the same way as one of them.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    /// `None` once the starter may go.
    starter: Option<UnboundedReceiver<String>>,
}

impl Ends {
    fn listen() -> Result<Self> {
        let (sender, starter) = unbounded_channel();
        std::thread::Builder::new()
            .name("starter".to_owned())
            .spawn(move || {
                let lines = std::io::stdin().lines().map_while(std::io::Result::ok);
                lines
                    .map(|line| sender.send(line))
                    .take_while(std::result::Result::is_ok)
                    .for_each(drop);
            })?;
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            starter: Some(starter),
        })
    }

    fn outlive_starter(&mut self) {
        self.starter = None;
    }

    /// Resolves when the control plane is to end. No starter gives an order before it has the
    /// reply to the last one, so none is lost.
    async fn any(&mut self) {
        while self.order().await.is_some() {}
    }

    /// The next order; `None` when the control plane is to end.
    async fn order(&mut self) -> Option<Result<Order>> {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return None,
                _ = self.interrupt.recv() => return None,
                _ = self.hang_up.recv() => if self.starter.is_some() { return None },
                line = next(&mut self.starter) => {
                    let line = line?;
                    return Some(serde_json::from_str(&line).context("an order is damaged"));
                }
            }
        }
    }
}

async fn next(starter: &mut Option<UnboundedReceiver<String>>) -> Option<String> {
    match starter {
        Some(starter) => starter.recv().await,
        None => std::future::pending().await,
    }
}
