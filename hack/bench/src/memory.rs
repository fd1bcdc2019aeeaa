//! What requests cost in memory: those that wait, and those that are finished.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tokio::time::sleep;

use crate::bed::{Bed, Running};
use crate::round::count;
use crate::{Signer, Subject, process, subject};

/// An issuer that does not exist, so that its requests wait.
const NO_ISSUER: Subject = subject("no issuer", Signer::Signet, "bench-none");
/// Requests to Signet, finished by the driver.
const FINISHED: Subject = subject("finished", Signer::Driver, crate::ISSUER);

/// The most that a waiting request may take, in bytes.
pub(crate) const WAITING_GOAL: f64 = 2048.0;
/// The highest peak beside finished requests: 64 MiB, in MB.
pub(crate) const FINISHED_GOAL: f64 = 67.1;

/// A process that used no CPU for this long has done what there was to do.
const IDLE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Figures {
    /// Approved requests with a P-256 CSR, whose issuer does not exist.
    pub(crate) waiting: usize,
    /// Memory of the operator for each, in bytes: its heap after a start beside them, less that of a
    /// start without them.
    pub(crate) bytes_each: f64,
    /// Finished requests.
    pub(crate) finished: usize,
    /// Peak memory of an operator that started beside them, in MB.
    pub(crate) peak_mb: f64,
    /// Peak memory of one that started without any, in MB.
    pub(crate) peak_without_mb: f64,
}

pub(crate) async fn measure(bed: &mut Bed, waiting: usize, finished: usize) -> Result<Figures> {
    // Ends cert-manager, which would approve the requests.
    let without = Memory::of_start(bed, 0).await?;
    let driver = bed.driver(NO_ISSUER);
    eprintln!("{waiting} requests wait");
    let names = driver.create("waiting", waiting).await?;
    driver.approve_all(names).await?;
    // This one says in each status that it waits; the next has nothing to write.
    Memory::of_start(bed, waiting).await?;
    let with_waiting = Memory::of_start(bed, waiting).await?;
    driver.clear().await?;
    eprintln!("{finished} requests are finished");
    let driver = bed.driver(FINISHED);
    driver.create_finished(finished).await?;
    // They go with the control plane.
    let with_finished = Memory::of_start(bed, 0).await?;
    Ok(Figures {
        waiting,
        bytes_each: (with_waiting.heap - without.heap) * 1e6 / count(waiting),
        finished,
        peak_mb: with_finished.peak,
        peak_without_mb: without.peak,
    })
}

/// In MB.
struct Memory {
    heap: f64,
    peak: f64,
}

impl Memory {
    /// Starts an operator, and waits until it knows of so many waiting requests and is idle.
    async fn of_start(bed: &mut Bed, waiting: usize) -> Result<Self> {
        let running = bed.start(crate::SIGNET, &[]).await?;
        let pid = running.pid.context("the operator has a process")?;
        let memory = async {
            idle(pid).await?;
            ensure!(known(&running).await? == count(waiting), "others wait");
            Ok(Self {
                heap: process::heap(pid)?,
                peak: process::peak_memory(pid)?,
            })
        };
        let memory = memory.await;
        running.stop().await?;
        memory
    }
}

/// How many requests the operator says are waiting.
async fn known(running: &Running) -> Result<f64> {
    let operator = running.operator()?;
    let waiting = operator
        .metric(r#"signet_requests_waiting{reason="IssuerNotFound"}"#)
        .await?;
    waiting.context("it is a metric")
}

/// Waits until a process does nothing.
async fn idle(pid: u32) -> Result<()> {
    loop {
        let before = process::cpu_seconds(pid)?;
        sleep(IDLE).await;
        if process::cpu_seconds(pid)? - before < 0.05 {
            return Ok(());
        }
    }
}
