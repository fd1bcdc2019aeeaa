//! The validity of a certificate.

use std::time::Duration;

use der::asn1::{GeneralizedTime, UtcTime};
use jiff::Timestamp;
use x509_cert::time::{Time, Validity};

use super::IssueError;
use crate::ca::CaChain;
use crate::policy::Shortening;

/// How far notBefore lies before the time of issue, at most, for clocks that run behind.
///
/// A short-lived certificate is backdated by a tenth of its lifetime at most, so that one of
/// 20 s is not born nearly expired. Both ends shift: the lifetime stays exact (rule A3-29).
pub const BACKDATE: Duration = Duration::from_secs(60);

/// A validity in whole seconds (PKI-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidityPeriod {
    /// The first second.
    pub not_before: Timestamp,
    /// The last second.
    pub not_after: Timestamp,
    /// Whether the CA's expiry, or the end of the calendar, shortened the granted lifetime.
    pub is_clamped: bool,
}

impl ValidityPeriod {
    /// Returns the validity of a certificate without an issuer.
    pub fn backdated(now: Timestamp, duration: Duration) -> Self {
        Self::starting(begin(now, duration), duration)
    }

    /// Returns the validity inside that of every certificate of the chain (PKI-6).
    ///
    /// It starts no earlier than the chain's, and is clamped where it would end later.
    ///
    /// # Errors
    /// The chain is not valid at `now`, or too little of it remains.
    pub fn inside(
        chain: &CaChain,
        now: Timestamp,
        duration: Duration,
        shortening: Shortening,
    ) -> Result<Self, IssueError> {
        if now >= chain.not_after() {
            return Err(IssueError::Expired(chain.not_after()));
        }
        if now < chain.not_before() {
            return Err(IssueError::NotYetValid(chain.not_before()));
        }
        let mut window = Self::starting(begin(now, duration).max(chain.not_before()), duration);
        if window.not_after > chain.not_after() {
            check_remaining(chain.not_after(), now, duration, shortening)?;
            window.not_after = chain.not_after();
            window.is_clamped = true;
        }
        Ok(window)
    }

    fn starting(not_before: Timestamp, duration: Duration) -> Self {
        // Past the year 9999 there is no date to write down (RFC 5280 4.1.2.5).
        let (not_after, is_clamped) =
            match not_before.checked_add(Duration::from_secs(duration.as_secs())) {
                Ok(end) => (end, false),
                Err(_) => (whole_seconds(Timestamp::MAX), true),
            };
        Self {
            not_before,
            not_after,
            is_clamped,
        }
    }

    /// Returns whether no part of it lies outside of the chain's validity.
    pub(super) fn is_inside(self, chain: &CaChain) -> bool {
        self.not_before >= chain.not_before() && self.not_after <= chain.not_after()
    }

    pub(super) fn to_validity(self) -> der::Result<Validity> {
        Ok(Validity::new(time(self.not_before)?, time(self.not_after)?))
    }
}

/// Refuses a certificate that would expire with its CA, unless enough of the CA's lifetime remains.
/// Less than the requested lifetime remains, so one of at most the minimum is never shortened.
fn check_remaining(
    at: Timestamp,
    now: Timestamp,
    duration: Duration,
    shortening: Shortening,
) -> Result<(), IssueError> {
    let Shortening::AtLeast(min) = shortening else {
        return Err(IssueError::ExpiresFirst { at, duration });
    };
    if at.duration_since(now).unsigned_abs() < min {
        return Err(IssueError::ExpiresTooSoon { at, min });
    }
    Ok(())
}

/// `now`, backdated.
fn begin(now: Timestamp, duration: Duration) -> Timestamp {
    let back = Duration::from_secs(BACKDATE.min(duration / 10).as_secs());
    whole_seconds(now.checked_sub(back).unwrap_or(Timestamp::MIN))
}

/// RFC 5280 4.1.2.5: UTCTime through the year 2049, GeneralizedTime after it.
fn time(at: Timestamp) -> der::Result<Time> {
    const YEAR_2050: i64 = 2_524_608_000;
    let since_epoch = Duration::from_secs(at.as_second().max(0).unsigned_abs());
    if at.as_second() < YEAR_2050 {
        UtcTime::from_unix_duration(since_epoch).map(Time::UtcTime)
    } else {
        GeneralizedTime::from_unix_duration(since_epoch).map(Time::GeneralTime)
    }
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::constant(at.as_second(), 0)
}
