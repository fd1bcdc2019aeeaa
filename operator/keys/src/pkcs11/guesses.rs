//! How often a tenant may have a PIN compared with that of a login, or tried.
//!
//! While a token is logged in, a PIN is compared and not tried, so that a wrong one costs no try.
//! It must not be free either: whoever may change a Secret could guess until it fits. And while it
//! is not, whoever names one Secret after the other could use up the tries of everybody.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::login::Credentials;
use super::pin_digest::PinDigest;

/// So many different wrong PINs of a namespace are told at once, for those who mistype.
const FREE: u32 = 3;

/// How long the one after those has to wait. Each further one waits twice as long.
const FIRST: Duration = Duration::from_secs(60);

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(3600);

/// The wrong PINs of each tenant, for one token. A tenant is a namespace of those that the
/// operator lists with the module; ClusterIssuers are the administrator's.
#[derive(Default)]
pub(super) struct Guesses(HashMap<String, Wrong>);

/// What a tenant has guessed.
struct Wrong {
    last: PinDigest,
    count: u32,
    /// When another PIN may be compared.
    next: Instant,
}

impl Guesses {
    /// Whether a PIN may be compared now. The last one may: what it comes to is known.
    pub(super) fn may(&self, credentials: &Credentials, now: Instant) -> bool {
        self.repeats(credentials) || self.may_try(credentials, now)
    }

    /// Whether a PIN may be tried now. The last one, whose Secret was touched, costs a try as any
    /// does.
    pub(super) fn may_try(&self, credentials: &Credentials, now: Instant) -> bool {
        self.of(credentials).is_none_or(|wrong| now >= wrong.next)
    }

    /// A PIN was compared, and was another. The last one, once more, tells nothing new.
    pub(super) fn wrong(&mut self, credentials: &Credentials, now: Instant) {
        if !self.repeats(credentials) {
            self.tried(credentials, now);
        }
    }

    /// A PIN was tried, and was refused.
    pub(super) fn tried(&mut self, credentials: &Credentials, now: Instant) {
        let Some(tenant) = &credentials.secret.tenant else {
            return;
        };
        let before = self.of(credentials).map_or(0, |wrong| wrong.count);
        let count = before.saturating_add(1);
        let wrong = Wrong {
            last: credentials.digest.clone(),
            count,
            next: now + wait(count),
        };
        self.0.insert(tenant.clone(), wrong);
    }

    /// A PIN was compared, and was the right one.
    pub(super) fn right(&mut self, credentials: &Credentials) {
        if let Some(tenant) = &credentials.secret.tenant {
            self.0.remove(tenant);
        }
    }

    /// What the tenant of these has guessed.
    fn of(&self, credentials: &Credentials) -> Option<&Wrong> {
        self.0.get(credentials.secret.tenant.as_ref()?)
    }

    /// Whether the PIN is the tenant's last wrong one.
    fn repeats(&self, credentials: &Credentials) -> bool {
        self.of(credentials)
            .is_some_and(|wrong| wrong.last == credentials.digest)
    }
}

fn wait(count: u32) -> Duration {
    let doublings = count.checked_sub(FREE);
    let waited = |doublings| FIRST.saturating_mul(2_u32.saturating_pow(doublings));
    doublings.map_or(Duration::ZERO, waited).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::super::login::fixtures::{credentials, of_tenant};
    use super::*;

    #[test]
    fn a_tenant_that_guesses_waits_ever_longer() {
        let (mut guesses, mut now) = (Guesses::default(), Instant::now());
        let start = now;
        for pin in 0..13 {
            let pin = of_tenant("shop", &pin.to_string());
            while !guesses.may(&pin, now) {
                now += Duration::from_secs(1);
            }
            guesses.wrong(&pin, now);
        }
        // Three at once; then after 1, 2, 4, 8, 16 and 32 minutes, and each hour.
        let minutes = 1 + 2 + 4 + 8 + 16 + 32 + 4 * 60;
        assert_eq!(now - start, Duration::from_secs(60 * minutes));
    }

    #[test]
    fn the_same_pin_counts_once_and_the_right_one_starts_anew() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        let pin = |pin: &str| of_tenant("shop", pin);
        for wrong in ["1", "2", "3"] {
            for _ in 0..100 {
                assert!(guesses.may(&pin(wrong), now));
                guesses.wrong(&pin(wrong), now);
            }
        }
        assert!(!guesses.may(&pin("right"), now), "it is not told either");
        assert!(guesses.may(&pin("3"), now));
        assert!(guesses.may(&of_tenant("other", "right"), now));
        let later = now + FIRST;
        assert!(guesses.may(&pin("right"), later));
        guesses.right(&pin("right"));
        assert!(guesses.may(&pin("4"), later));
    }

    /// The same PIN too, whose Secret was touched.
    #[test]
    fn what_is_tried_counts_each_time() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        let pin = of_tenant("shop", "1");
        for _ in 0..FREE {
            assert!(guesses.may_try(&pin, now));
            guesses.tried(&pin, now);
        }
        assert!(!guesses.may_try(&pin, now));
        assert!(guesses.may(&pin, now), "to compare it costs nothing");
        assert!(guesses.may_try(&pin, now + FIRST));
    }

    #[test]
    fn the_administrator_is_not_held_up() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        for number in 0..100 {
            let pin = credentials(&number.to_string(), "pin", "1");
            assert!(guesses.may(&pin, now));
            guesses.wrong(&pin, now);
        }
    }
}
