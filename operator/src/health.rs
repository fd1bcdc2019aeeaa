//! What the probes return.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The interval of the main loop's heartbeat.
pub const BEAT: Duration = Duration::from_secs(5);
/// A main loop without a heartbeat for this long is stuck.
const BEAT_TIMEOUT: Duration = Duration::from_secs(60);
/// A reconcile that runs for this long hangs beyond its own timeout.
const RECONCILE_TIMEOUT: Duration = Duration::from_secs(300);

/// The state of the process, as the probes see it.
#[derive(Debug)]
pub struct Health {
    beat: Mutex<Instant>,
    in_flight: Mutex<HashMap<u64, Instant>>,
    next: AtomicU64,
    /// None until the Lease was read.
    leading: Mutex<Option<bool>>,
    /// Why the Lease cannot be read or written.
    lease_problem: Mutex<Option<String>>,
    synced: AtomicBool,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            beat: Mutex::new(Instant::now()),
            in_flight: Mutex::default(),
            next: AtomicU64::new(0),
            leading: Mutex::default(),
            lease_problem: Mutex::default(),
            synced: AtomicBool::new(false),
        }
    }
}

/// A reconcile in flight, until this is dropped.
#[derive(Debug)]
pub struct InFlight<'a> {
    health: &'a Health,
    id: u64,
}

impl Health {
    pub fn beat(&self) {
        *self.beat.lock() = Instant::now();
    }

    pub fn begin(&self) -> InFlight<'_> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.in_flight.lock().insert(id, Instant::now());
        InFlight { health: self, id }
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.lock().len()
    }

    /// The Lease was read: this replica leads, or stands by.
    pub fn set_leading(&self, leading: bool) {
        *self.leading.lock() = Some(leading);
    }

    /// The Lease cannot be read or written for this reason, or can be again.
    pub fn set_lease_problem(&self, problem: Option<String>) {
        *self.lease_problem.lock() = problem;
    }

    pub fn is_leading(&self) -> bool {
        self.leading.lock().unwrap_or_default()
    }

    /// Every watch has listed its objects once, or has to again.
    pub fn set_synced(&self, synced: bool) {
        self.synced.store(synced, Ordering::Relaxed);
    }

    /// Alive unless the main loop or a reconcile is stuck.
    pub fn live(&self) -> Result<(), String> {
        let silence = self.beat.lock().elapsed();
        if silence > BEAT_TIMEOUT {
            let seconds = silence.as_secs();
            return Err(format!("the main loop has been silent for {seconds} s"));
        }
        let in_flight = self.in_flight.lock();
        match in_flight.values().map(Instant::elapsed).max() {
            Some(longest) if longest > RECONCILE_TIMEOUT => Err(format!(
                "a reconcile has been running for {} s",
                longest.as_secs()
            )),
            _ => Ok(()),
        }
    }

    /// Ready when it is known who leads and, if it is this replica, its watches are complete.
    pub fn ready(&self) -> Result<(), String> {
        if let Some(problem) = &*self.lease_problem.lock() {
            return Err(format!("the Lease cannot be read or written: {problem}"));
        }
        let missing = match *self.leading.lock() {
            None => "the Lease has not been read yet",
            Some(true) if !self.synced.load(Ordering::Relaxed) => {
                "the watches have not listed their objects yet"
            }
            Some(_) => return Ok(()),
        };
        Err(missing.to_owned())
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.health.in_flight.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn liveness_fails_when_the_main_loop_is_silent() {
        let health = Health::default();
        tokio::time::advance(BEAT_TIMEOUT).await;
        assert_eq!(health.live(), Ok(()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(health.live().unwrap_err().contains("silent"));
        health.beat();
        assert_eq!(health.live(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn liveness_fails_when_a_reconcile_hangs() {
        let health = Health::default();
        let hanging = health.begin();
        assert_eq!(health.in_flight(), 1);
        tokio::time::advance(RECONCILE_TIMEOUT + Duration::from_secs(1)).await;
        health.beat();
        assert!(health.live().unwrap_err().contains("reconcile"));
        drop(hanging);
        assert_eq!(health.live(), Ok(()));
    }

    #[test]
    fn readiness_needs_the_lease_and_for_a_leader_the_watches() {
        let health = Health::default();
        assert!(health.ready().is_err());
        health.set_leading(false);
        assert_eq!(health.ready(), Ok(()), "a replica that stands by is ready");
        health.set_leading(true);
        assert!(health.ready().is_err());
        health.set_synced(true);
        assert_eq!(health.ready(), Ok(()));
        health.set_lease_problem(Some("it is forbidden".to_owned()));
        assert!(health.ready().unwrap_err().ends_with(": it is forbidden"));
        health.set_lease_problem(None);
        assert_eq!(health.ready(), Ok(()));
    }
}
