//! What the tests of the pure stages share: keys, CSRs, CA certificates, requests, and the
//! independent readers that every certificate made in a test is shown to.
//!
//! Nothing in here calls the code under test to make its input, except where it says so.

pub(crate) mod ca;
pub(crate) mod certificate;
pub(crate) mod csr;
pub(crate) mod der;
pub(crate) mod dice;
pub(crate) mod key;
pub(crate) mod readers;
pub(crate) mod request;
pub(crate) mod revocation;
mod seeds;

use jiff::{SignedDuration, Timestamp};

/// The time of every test that does not say another one: 2026-09-01T12:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_788_264_000, 0);

/// So many seconds after [`NOW`], or before it.
pub(crate) fn at(seconds: i64) -> Timestamp {
    NOW + SignedDuration::from_secs(seconds)
}

pub(crate) const HOUR: i64 = 3_600;
pub(crate) const DAY: i64 = 24 * HOUR;
