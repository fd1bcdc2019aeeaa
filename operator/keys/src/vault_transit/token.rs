//! A token of Vault, and when to see to the next one.

use std::fmt;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::answer::Auth;

/// What counts as the longest lease, whatever a server says: times are added to it.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The shortest time between two tries to renew.
const SHORTEST: Duration = Duration::from_secs(1);

/// A token of Vault. It is wiped when dropped.
pub(super) struct Token {
    text: Zeroizing<String>,
    /// Whether it can be renewed.
    pub(super) renewable: bool,
    lease: Option<Lease>,
}

/// For how long a token holds.
#[derive(Clone, Copy, Debug)]
struct Lease {
    length: Duration,
    due: Instant,
    ends: Instant,
}

impl Token {
    /// A token that holds for so long; without end if it is none.
    pub(super) fn new(
        text: Zeroizing<String>,
        renewable: bool,
        length: Option<Duration>,
        now: Instant,
    ) -> Self {
        let lease = length
            .map(|length| length.min(LONGEST))
            .map(|length| Lease {
                length,
                due: now + length * 2 / 3,
                ends: now + length,
            });
        Self {
            text,
            renewable,
            lease,
        }
    }

    /// What a login or a renewal gave.
    pub(super) fn of(auth: Auth, now: Instant) -> Self {
        let length = (auth.lease_duration > 0).then(|| Duration::from_secs(auth.lease_duration));
        Self::new(auth.client_token, auth.renewable, length, now)
    }

    /// Its text, for a header.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The same token, of which this has become known.
    pub(super) fn known(self, renewable: bool, length: Option<Duration>, now: Instant) -> Self {
        Self::new(self.text, renewable, length, now)
    }

    /// The same token after a renewal. One that got less than half of what it had is near the end
    /// of its life, and is not renewed again.
    pub(super) fn renewed(&self, auth: &Auth, now: Instant) -> Self {
        let length = (auth.lease_duration > 0).then(|| Duration::from_secs(auth.lease_duration));
        let shrunk = match (self.lease, length) {
            (Some(before), Some(length)) => length < before.length / 2,
            _ => false,
        };
        Self::new(self.text.clone(), auth.renewable && !shrunk, length, now)
    }

    /// The same token, to be used to its end.
    pub(super) fn to_its_end(&self) -> Self {
        Self {
            text: self.text.clone(),
            renewable: false,
            lease: self.lease.map(|lease| Lease {
                due: lease.ends,
                ..lease
            }),
        }
    }

    /// The same token, to be renewed a little later.
    pub(super) fn later(&self, now: Instant) -> Self {
        let lease = self.lease.map(|lease| Lease {
            due: now + SHORTEST.max(lease.ends.saturating_duration_since(now) / 4),
            ..lease
        });
        Self {
            text: self.text.clone(),
            renewable: self.renewable,
            lease,
        }
    }

    /// Whether it is time to renew it.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.lease.is_some_and(|lease| now >= lease.due)
    }

    /// Whether it holds no longer.
    pub(super) fn has_ended(&self, now: Instant) -> bool {
        self.lease.is_some_and(|lease| now >= lease.ends)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("renewable", &self.renewable)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(seconds: Option<u64>, now: Instant) -> Token {
        let length = seconds.map(Duration::from_secs);
        Token::new(Zeroizing::new("s.ecret".to_owned()), true, length, now)
    }

    fn renewal(lease_duration: u64) -> Auth {
        Auth {
            client_token: Zeroizing::new("s.ecret".to_owned()),
            lease_duration,
            renewable: true,
        }
    }

    #[test]
    fn a_token_is_due_after_two_thirds_of_its_lease() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let token = token(Some(90), now);
        let seen = [0, 59, 60, 89, 90].map(|s| (token.is_due(at(s)), token.has_ended(at(s))));
        let (fresh, due, ended) = ((false, false), (true, false), (true, true));
        assert_eq!(seen, [fresh, fresh, due, due, ended]);
        let later = token.later(at(60));
        assert!(!later.is_due(at(67)) && later.is_due(at(68)) && later.has_ended(at(90)));
    }

    #[test]
    fn a_token_without_a_lease_is_never_due() {
        let now = Instant::now();
        let far = now + Duration::from_secs(1 << 30);
        let token = token(None, now);
        assert!(!token.is_due(far) && !token.has_ended(far));
    }

    /// A lease cannot be renewed beyond the token's greatest age: each renewal gives less.
    #[test]
    fn a_token_near_the_end_of_its_life_is_not_renewed_again() {
        let now = Instant::now();
        let token = token(Some(90), now);
        assert!(token.renewed(&renewal(90), now).renewable);
        assert!(token.renewed(&renewal(45), now).renewable);
        assert!(!token.renewed(&renewal(44), now).renewable);
    }

    #[test]
    fn a_lease_of_whatever_length_is_one() {
        let now = Instant::now();
        assert!(!token(Some(u64::MAX), now).is_due(now));
        assert!(
            !token(Some(90), now)
                .renewed(&renewal(u64::MAX), now)
                .is_due(now)
        );
        assert!(token(Some(1), now).is_due(now + Duration::from_secs(1)));
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        let shown = format!("{:?}", token(Some(1), Instant::now()));
        assert!(!shown.contains("ecret"), "{shown}");
    }
}
