//! How much is asked of a key, and what happens when it does not answer.

mod breaker;
mod catch_panic;
mod error;
mod fair_semaphore;
mod key_limiter;
mod rate_limiter;
mod self_test;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;
use tokio::time::{Instant, sleep, timeout, timeout_at};

pub use breaker::{Breaker, BreakerEvent, PROBE};
use catch_panic::catch_panic;
pub use error::GuardError;
pub use fair_semaphore::{FairSemaphore, Permit};
pub use key_limiter::{KeyLimiter, KeyLimiters};
pub use rate_limiter::RateLimiter;
pub use self_test::self_test;

use crate::Signer;
use crate::error::{ErrorClass, KeyError};

/// The longest that one call to a backend may take. A backend's own limits are shorter.
pub const ATTEMPT: Duration = Duration::from_secs(5);
/// The longest that one signature may take with all its attempts. No attempt begins that could
/// end later.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The waits between attempts: 50 ms to 2 s. Each is drawn between its length and twice that, so
/// that those who failed together do not come back together.
const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_jitter()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_secs(1))
    .without_max_times();

/// How much is asked of a key at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Signatures a second; none for no limit.
    pub per_second: Option<u32>,
    /// Signatures at the same time, each counted until its certificate is written.
    pub at_once: u16,
}

/// A connected key that is never asked too much, and that is left alone while it is dead.
pub struct GuardedSigner {
    signer: Arc<dyn Signer>,
    limiter: Arc<KeyLimiter>,
    breaker: Arc<Breaker>,
    /// When the key was last tried because it refused to sign something.
    doubted: Mutex<Option<Instant>>,
}

impl GuardedSigner {
    /// Guards a key. The gate is that of all issuers over this key; the breaker is this issuer's
    /// own, since what fails may be its credentials alone.
    pub fn new(signer: Arc<dyn Signer>, limiter: Arc<KeyLimiter>, breaker: Arc<Breaker>) -> Self {
        Self {
            signer,
            limiter,
            breaker,
            doubted: Mutex::default(),
        }
    }

    /// The public half of the key.
    pub fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    /// How this key signs certificates.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.signer.algorithm()
    }

    /// The key without its guard.
    pub fn signer(&self) -> &Arc<dyn Signer> {
        &self.signer
    }

    /// What tells whether the key is dead.
    pub fn breaker(&self) -> &Arc<Breaker> {
        &self.breaker
    }

    /// Whether the key takes these bytes, as far as that is known without asking it.
    ///
    /// # Errors
    /// They are too long. The sentence is for whoever asked for the certificate.
    pub fn check_length(&self, tbs: &ToBeSigned) -> Result<(), KeyError> {
        self.signer.check_length(tbs)
    }

    /// How many wait for a turn at this key.
    pub fn waiting(&self) -> usize {
        self.limiter.waiting()
    }

    /// Waits for this tenant's turn, and until one more signature keeps the pace. Whoever signs
    /// holds the turn until the certificate is written. If the key is dead, or is found dead
    /// meanwhile, the error is the breaker's.
    pub async fn permit(&self, tenant: &str) -> Result<Permit, KeyError> {
        let paced = async {
            let permit = self.limiter.permit(tenant).await;
            self.limiter.wait_for_rate().await;
            permit
        };
        self.breaker.unless_open(paced).await
    }

    /// Signs, with as many attempts as fit into [`DEADLINE`]. Further attempts keep the pace as the
    /// first one did, which waited for its turn.
    pub async fn sign(&self, tbs: &ToBeSigned) -> Result<Signature, KeyError> {
        self.breaker.admit()?;
        let last_start = Instant::now() + (DEADLINE - ATTEMPT);
        let mut waits = BACKOFF.build();
        loop {
            let error = match self.attempt(tbs).await {
                Ok(signature) => {
                    self.breaker.succeeded();
                    return Ok(signature);
                }
                Err(error) => error,
            };
            let again = again(&error, waits.next(), last_start);
            self.judge(&error, again.is_none()).await;
            let Some(wait) = again else {
                return Err(error);
            };
            self.breaker.unless_open(sleep(wait)).await?;
            let paced = timeout_at(last_start, self.limiter.wait_for_rate());
            if self.breaker.unless_open(paced).await?.is_err() {
                return Err(error);
            }
        }
    }

    async fn attempt(&self, tbs: &ToBeSigned) -> Result<Signature, KeyError> {
        timeout(ATTEMPT, catch_panic(self.signer.sign(tbs)))
            .await
            .unwrap_or_else(|_| Err(no_answer(ATTEMPT)))
    }

    /// Tells the breaker of a failed attempt.
    async fn judge(&self, error: &KeyError, is_last: bool) {
        match error.class {
            // A key that asks for patience is well, as long as patience helps; and an answer that
            // is none may be about these bytes alone, of which there are others.
            ErrorClass::Throttled(_) | ErrorClass::InvalidResponse if !is_last => {}
            // It may be about these bytes alone, such as more of them than the key takes, and
            // who asks for long names must not stop everybody else. So the key is given others.
            ErrorClass::KeyUnusable => {
                if self.may_doubt() && self.breaker.probe(self_test(&*self.signer)).await.is_ok() {
                    self.breaker.succeeded();
                }
            }
            _ => self.breaker.failed(error),
        }
    }

    /// Whether to try the key for what it said of one signature: every [`PROBE`] at most.
    fn may_doubt(&self) -> bool {
        let mut doubted = self.doubted.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let may = doubted.is_none_or(|at| now >= at + PROBE);
        if may {
            *doubted = Some(now);
        }
        may
    }
}

/// How long to wait before the next attempt, if there is to be one.
fn again(error: &KeyError, wait: Option<Duration>, last_start: Instant) -> Option<Duration> {
    if !error.class.is_transient() {
        return None;
    }
    let asked_for = match error.class {
        ErrorClass::Throttled(Some(delay)) => delay,
        _ => Duration::ZERO,
    };
    let wait = wait?.max(asked_for);
    let start = Instant::now().checked_add(wait)?;
    (start <= last_start).then_some(wait)
}

/// The error of a call that did not end.
fn no_answer(after: Duration) -> KeyError {
    let seconds = after.as_secs();
    GuardError::Timeout { seconds }.into()
}

impl fmt::Debug for GuardedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedSigner")
            .field("breaker", &self.breaker)
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}
