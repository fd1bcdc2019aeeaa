//! A limit on the signatures of each tenant.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Fewer tenants are not looked through for idle ones.
const MIN_SWEEP: usize = 64;

/// How many signatures one tenant may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TenantLimit {
    /// Signatures per second.
    pub per_second: u32,
    /// How many a tenant that was idle may use at once.
    pub burst: u32,
}

impl TenantLimit {
    /// The time between two signatures that are evenly spread.
    fn step(self) -> Duration {
        Duration::from_secs(1) / self.per_second.max(1)
    }
}

/// The rate of each tenant, by the generic cell rate algorithm (GCRA).
#[derive(Debug)]
pub(super) struct TenantRates {
    limit: Option<TenantLimit>,
    /// GCRA's theoretical arrival time of each tenant. One in the past means the same as none.
    due: HashMap<String, Instant>,
    /// At this number of tenants, idle ones are dropped.
    sweep_at: usize,
}

impl Default for TenantRates {
    fn default() -> Self {
        Self {
            limit: None,
            due: HashMap::new(),
            sweep_at: MIN_SWEEP,
        }
    }
}

impl TenantRates {
    /// Applies the strictest of these limits from now on; none for no limit.
    pub(super) fn allow(&mut self, limits: impl Iterator<Item = TenantLimit>) {
        self.limit = limits.reduce(|one, other| TenantLimit {
            per_second: one.per_second.min(other.per_second),
            burst: one.burst.min(other.burst),
        });
    }

    /// Counts one signature of a tenant.
    ///
    /// # Errors
    /// The tenant has used up what it may use; returns when it may use one more.
    pub(super) fn take(&mut self, tenant: &str, now: Instant) -> Result<(), Instant> {
        let Some(limit) = self.limit else {
            return Ok(());
        };
        let step = limit.step();
        // Under an earlier limit it may have been later.
        let latest = now + step * limit.burst.max(1);
        let due = self.due.get(tenant);
        let due = due.map_or(now, |due| (*due).clamp(now, latest));
        let allowed = due.checked_sub(step * (limit.burst.max(1) - 1));
        if let Some(allowed) = allowed.filter(|allowed| *allowed > now) {
            return Err(allowed);
        }
        self.sweep(now);
        self.due.insert(tenant.to_owned(), due + step);
        Ok(())
    }

    /// Takes back what was counted for a signature that is not needed.
    pub(super) fn give_back(&mut self, tenant: &str) {
        let Some(limit) = self.limit else {
            return;
        };
        if let Some(due) = self.due.get_mut(tenant) {
            *due = due.checked_sub(limit.step()).unwrap_or(*due);
        }
    }

    fn sweep(&mut self, now: Instant) {
        if self.due.len() >= self.sweep_at {
            self.due.retain(|_, due| *due > now);
            self.sweep_at = (self.due.len() * 2).max(MIN_SWEEP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(per_second: u32, burst: u32) -> TenantRates {
        let mut rates = TenantRates::default();
        rates.allow([TenantLimit { per_second, burst }].into_iter());
        rates
    }

    /// Takes as many as are allowed at once.
    fn drain(rates: &mut TenantRates, tenant: &str, now: Instant) -> usize {
        (0..1000)
            .take_while(|_| rates.take(tenant, now).is_ok())
            .count()
    }

    #[tokio::test(start_paused = true)]
    async fn each_tenant_has_its_burst_and_its_rate() {
        let mut rates = rates(10, 5);
        let now = Instant::now();
        assert_eq!(drain(&mut rates, "a", now), 5);
        assert_eq!(
            drain(&mut rates, "b", now),
            5,
            "another tenant's is its own"
        );
        let next = rates.take("a", now).unwrap_err();
        assert_eq!(next - now, Duration::from_millis(100));
        assert_eq!(drain(&mut rates, "a", next), 1);
        let later = now + Duration::from_secs(3600);
        assert_eq!(drain(&mut rates, "a", later), 5, "no more than the burst");
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_cost_nothing_and_the_rate_holds() {
        let mut rates = rates(10, 1);
        let start = Instant::now();
        let mut taken = 0;
        for millisecond in 0..10_000 {
            let now = start + Duration::from_millis(millisecond);
            taken += usize::from(rates.take("a", now).is_ok());
        }
        assert_eq!(taken, 100);
    }

    #[tokio::test(start_paused = true)]
    async fn the_strictest_applies_and_none_is_no_limit() {
        let limit = |per_second, burst| TenantLimit { per_second, burst };
        let mut rates = TenantRates::default();
        assert_eq!(drain(&mut rates, "a", Instant::now()), 1000);
        rates.allow([limit(5, 7), limit(1, 9)].into_iter());
        assert_eq!(rates.limit, Some(limit(1, 7)));
        rates.allow(std::iter::empty());
        assert_eq!(drain(&mut rates, "a", Instant::now()), 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_higher_limit_applies_at_once() {
        let mut rates = rates(1, 1000);
        let now = Instant::now();
        assert_eq!(drain(&mut rates, "a", now), 1000);
        let (per_second, burst) = (100, 10);
        rates.allow([TenantLimit { per_second, burst }].into_iter());
        let next = rates.take("a", now).unwrap_err();
        assert_eq!(next - now, Duration::from_millis(10));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_needed_is_given_back() {
        let mut rates = rates(1, 3);
        let now = Instant::now();
        assert_eq!(drain(&mut rates, "a", now), 3);
        rates.give_back("a");
        rates.give_back("of no one");
        assert_eq!(drain(&mut rates, "a", now), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_tenants_are_dropped() {
        let mut rates = rates(10, 1);
        let start = Instant::now();
        for tenant in 0..10_000 {
            let now = start + Duration::from_secs(tenant);
            rates.take(&tenant.to_string(), now).unwrap();
        }
        assert!(rates.due.len() <= MIN_SWEEP);
    }
}
