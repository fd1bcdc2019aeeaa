//! Limits on the use of a key, and what happens when it does not respond.

mod breaker;
mod call;
mod error;
mod fair_semaphore;
mod key_limiter;
mod rate_limiter;
mod self_test;
mod tenant_rates;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use parking_lot::Mutex;
use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;
use tokio::time::{Instant, sleep, timeout_at};

pub use breaker::{Breaker, BreakerEvent, PROBE};
use call::call;
pub use error::GuardError;
pub use fair_semaphore::{FairSemaphore, Permit};
pub use key_limiter::{KeyLimiter, KeyLimiters};
use rate_limiter::RateLimiter;
pub use self_test::self_test;
pub use tenant_rates::TenantLimit;
use tenant_rates::TenantRates;

use crate::Signer;
use crate::error::{ErrorClass, KeyError};

/// The longest that one call to a backend may take. A backend's own limits are shorter.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(5);
/// The longest that one signature may take with all its attempts. No attempt begins that could
/// end later.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// The waits between attempts: 50 ms to 2 s. Each is drawn between its length and twice that, so
/// that those who failed together do not come back together.
const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_jitter()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_secs(1))
    .without_max_times();

/// Limits on the use of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Signatures per second; none for no limit.
    pub per_second: Option<u32>,
    /// Signatures in flight, each counted until its certificate is written.
    pub max_in_flight: u16,
    /// Signatures of each tenant; none for no limit.
    pub per_tenant: Option<TenantLimit>,
}

/// A connected key with its limits, and with a breaker that keeps calls from it while it is
/// unavailable.
pub struct GuardedSigner {
    signer: Arc<dyn Signer>,
    limiter: Arc<KeyLimiter>,
    breaker: Arc<Breaker>,
    /// When the key last ran its self-test because it refused to sign something.
    last_self_test: Mutex<Option<Instant>>,
}

impl GuardedSigner {
    /// Guards a key. The limiter is shared by all issuers over this key; the breaker is this
    /// issuer's own, since its credentials may be all that fails.
    pub fn new(signer: Arc<dyn Signer>, limiter: Arc<KeyLimiter>, breaker: Arc<Breaker>) -> Self {
        Self {
            signer,
            limiter,
            breaker,
            last_self_test: Mutex::default(),
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

    /// The circuit breaker.
    pub fn breaker(&self) -> &Arc<Breaker> {
        &self.breaker
    }

    /// How many signatures may be in flight, unless another issuer over the key allows fewer.
    pub fn max_in_flight(&self) -> u16 {
        self.limiter.max_in_flight()
    }

    /// How many requests wait for this key.
    pub fn waiting(&self) -> usize {
        self.limiter.waiting()
    }

    /// Counts one signature of a tenant against its own limit, before it waits for a permit.
    ///
    /// # Errors
    /// The tenant has used up what it may use; returns when it may use one more.
    pub fn count_signature(&self, tenant: &str) -> Result<(), Instant> {
        self.limiter.count_signature(tenant)
    }

    /// Takes back what [`Self::count_signature`] counted.
    pub fn give_back(&self, tenant: &str) {
        self.limiter.give_back(tenant);
    }

    /// Waits for a permit of this tenant and for the rate limit. The permit is held until the
    /// certificate is written.
    ///
    /// # Errors
    /// The breaker is open, or opens meanwhile.
    pub async fn permit(&self, tenant: &str) -> Result<Permit, KeyError> {
        let limited = async {
            let permit = self.limiter.permit(tenant).await;
            self.limiter.wait_for_rate().await;
            permit
        };
        self.breaker.unless_open(limited).await
    }

    /// Signs, with as many attempts as fit into [`DEADLINE`]. Each attempt after the first waits
    /// for the rate limit; the first did so with its permit.
    pub async fn sign(&self, tbs: &ToBeSigned) -> Result<Signature, KeyError> {
        self.breaker.admit()?;
        let last_start = Instant::now() + (DEADLINE - ATTEMPT);
        let mut waits = BACKOFF.build();
        loop {
            let error = match call(ATTEMPT, self.signer.sign(tbs)).await {
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
            let limited = timeout_at(last_start, self.limiter.wait_for_rate());
            if self.breaker.unless_open(limited).await?.is_err() {
                return Err(error);
            }
        }
    }

    /// Counts a failed attempt.
    async fn judge(&self, error: &KeyError, is_last: bool) {
        match error.class {
            // Retries may succeed: the backend is rate limiting, or cannot read only these bytes.
            ErrorClass::Throttled(_) | ErrorClass::InvalidResponse if !is_last => {}
            // It may be about these bytes, such as too many of them, and a request with long names
            // must not stop all others. The self-test signs other bytes.
            ErrorClass::KeyUnusable => {
                if self.may_self_test()
                    && self.breaker.probe(self_test(&*self.signer)).await.is_ok()
                {
                    self.breaker.succeeded();
                }
            }
            _ => self.breaker.failed(error),
        }
    }

    /// Whether the self-test may run because of one signature: at most every [`PROBE`].
    fn may_self_test(&self) -> bool {
        let mut last = self.last_self_test.lock();
        let now = Instant::now();
        let may = last.is_none_or(|at| now >= at + PROBE);
        if may {
            *last = Some(now);
        }
        may
    }
}

/// How long to wait before the next attempt, if there is to be one.
fn again(error: &KeyError, wait: Option<Duration>, last_start: Instant) -> Option<Duration> {
    if !error.class.is_transient() {
        return None;
    }
    let wait = wait?.max(error.class.requested_pause());
    let start = Instant::now().checked_add(wait)?;
    (start <= last_start).then_some(wait)
}

impl fmt::Debug for GuardedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedSigner")
            .field("breaker", &self.breaker)
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}
