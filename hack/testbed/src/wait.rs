//! Waiting for as long as something advances, however slow the machine is.
//!
//! A wait observes until it has what it waits for. It fails when nothing has advanced for
//! [`MAX_STALL`], neither what it observes nor what any other wait of this process observes: on a
//! busy machine, one test may have to wait until others are done.

use std::fmt::Display;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Error, Result, ensure};

/// How long nothing may advance before a wait fails.
pub const MAX_STALL: Duration = Duration::from_secs(120);
/// How long one test may take: none takes nearly as long, unless it hangs where no wait watches.
pub const MAX_TEST: Duration = Duration::from_secs(3600);
/// The most that one look at the clock adds to a stall. If more time has passed, this process did
/// not run, and so others may not have run either.
const MAX_TICK: Duration = Duration::from_secs(1);
/// The pause between two observations.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How often any wait of this process advanced.
static ADVANCES: AtomicU64 = AtomicU64::new(0);

/// What a wait has observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation<T, P> {
    /// What it waits for.
    Reached(T),
    /// How far it is: a wait advances when this changes.
    Progress(P),
}

impl<P> Observation<(), P> {
    /// Reached if the condition holds, and progress otherwise.
    pub fn reached_if(condition: bool, progress: P) -> Self {
        if condition {
            Self::Reached(())
        } else {
            Self::Progress(progress)
        }
    }
}

/// Observes until it is reached. `what` names what is waited for, such as "3 events about web".
///
/// # Errors
/// Nothing has advanced for [`MAX_STALL`], and the error has the last observation; or it cannot be
/// observed.
pub async fn until<T, P: PartialEq + Display>(
    what: impl Display,
    mut observe: impl AsyncFnMut() -> Result<Observation<T, P>>,
) -> Result<T> {
    let mut stall = Stall::new(MAX_STALL);
    loop {
        let mut observation = pin!(observe());
        // It may itself wait for something that does not come.
        let observation = loop {
            match tokio::time::timeout(MAX_TICK, observation.as_mut()).await {
                Ok(observation) => break observation?,
                Err(_) => stall.check(&what)?,
            }
        };
        if let Some(reached) = stall.observe(observation) {
            return Ok(reached);
        }
        stall.check(&what)?;
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Waits for a future, such as one that watches an object.
///
/// # Errors
/// Nothing has advanced for [`MAX_STALL`], or those of the future.
pub async fn until_done<T, E: Into<Error>>(
    what: impl Display,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T> {
    let mut future = pin!(future);
    let observe = async || {
        let done = future.as_mut().await.map_err(Into::into)?;
        Ok(Observation::<_, &str>::Reached(done))
    };
    until(what, observe).await
}

/// As [`until`], on a thread that may block.
///
/// # Errors
/// Those of [`until`].
pub fn until_blocking<T, P: PartialEq + Display>(
    what: impl Display,
    mut observe: impl FnMut() -> Result<Observation<T, P>>,
) -> Result<T> {
    let mut stall = Stall::new(MAX_STALL);
    loop {
        if let Some(reached) = stall.observe(observe()?) {
            return Ok(reached);
        }
        stall.check(&what)?;
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// For how long nothing has advanced, for waits that are not a loop around one observation.
#[derive(Debug)]
pub(crate) struct Stall<P> {
    limit: Duration,
    progress: Option<P>,
    advances: u64,
    observations: u32,
    checked: Instant,
    stalled: Duration,
}

impl<P: PartialEq + Display> Stall<P> {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            progress: None,
            advances: ADVANCES.load(Ordering::Relaxed),
            observations: 0,
            checked: Instant::now(),
            stalled: Duration::ZERO,
        }
    }

    pub(crate) fn observe<T>(&mut self, observation: Observation<T, P>) -> Option<T> {
        self.observations += 1;
        match observation {
            Observation::Reached(reached) => {
                ADVANCES.fetch_add(1, Ordering::Relaxed);
                return Some(reached);
            }
            Observation::Progress(progress) => {
                if self.progress.as_ref() != Some(&progress) {
                    ADVANCES.fetch_add(1, Ordering::Relaxed);
                    self.progress = Some(progress);
                }
            }
        }
        None
    }

    /// Counts the time since the last call.
    ///
    /// # Errors
    /// Nothing has advanced for too long.
    pub(crate) fn check(&mut self, what: &impl Display) -> Result<()> {
        let passed = self.checked.elapsed();
        self.checked = Instant::now();
        self.add(passed, ADVANCES.load(Ordering::Relaxed));
        ensure!(
            self.stalled < self.limit,
            "waited for {what}: nothing has advanced for {} s in {} observations; the last one: {}",
            self.limit.as_secs(),
            self.observations,
            match &self.progress {
                Some(progress) => progress as &dyn Display,
                None => &"none",
            }
        );
        Ok(())
    }

    fn add(&mut self, passed: Duration, advances: u64) {
        if advances == self.advances {
            self.stalled += passed.min(MAX_TICK);
        } else {
            self.advances = advances;
            self.stalled = Duration::ZERO;
            self.observations = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Observation::{Progress, Reached};
    use super::*;

    #[tokio::test]
    async fn returns_what_is_reached() {
        let mut left = 3;
        let reached = until("the end", async || {
            left -= 1;
            Ok(if left == 0 {
                Reached("end")
            } else {
                Progress(left)
            })
        });
        assert_eq!(reached.await.unwrap(), "end");
    }

    #[tokio::test]
    async fn returns_the_error_of_an_observation() {
        let failed = until("nothing", async || -> Result<Observation<(), u8>> {
            anyhow::bail!("it cannot be read")
        });
        assert_eq!(failed.await.unwrap_err().to_string(), "it cannot be read");
    }

    #[test]
    fn fails_with_the_last_observation_after_a_stall() {
        let mut stall = Stall::new(Duration::ZERO);
        assert_eq!(stall.observe::<()>(Progress("7 of 9")), None);
        let error = loop {
            // Another test may advance in between.
            if let Err(error) = stall.check(&"9 of 9") {
                break error.to_string();
            }
        };
        assert!(
            error.starts_with("waited for 9 of 9: nothing has advanced for 0 s"),
            "{error}"
        );
        assert!(error.ends_with("the last one: 7 of 9"), "{error}");
    }

    #[test]
    fn progress_of_any_wait_ends_a_stall() {
        let mut stall = Stall::<u8>::new(MAX_STALL);
        stall.advances = 1;
        stall.add(MAX_TICK, 1);
        stall.add(MAX_TICK, 1);
        assert_eq!(stall.stalled, MAX_TICK * 2);
        stall.add(MAX_TICK, 2);
        assert_eq!(stall.stalled, Duration::ZERO);
    }

    #[test]
    fn time_in_which_the_process_did_not_run_is_not_a_stall() {
        let mut stall = Stall::<u8>::new(MAX_STALL);
        stall.add(Duration::from_secs(3600), stall.advances);
        assert_eq!(stall.stalled, MAX_TICK);
    }
}
