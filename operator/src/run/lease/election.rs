//! Who leads, by what this replica has observed itself. Pure: the clock is given.
//!
//! The times in a Lease are those of its holder's clock, and are compared with nothing. A Lease is
//! another replica's for as long as it was seen to change, and its duration beyond; and this replica's
//! only until shortly before others may take it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::Instant;

/// The longest duration that is believed of a Lease, which is that of the flag.
const MAX_DURATION: Duration = Duration::from_secs(3600);
/// The shortest time for an attempt to renew the Lease.
const MIN_ATTEMPT: Duration = Duration::from_millis(500);

/// The Lease as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// None if it was released.
    pub(super) holder: Option<String>,
    pub(super) seconds: Option<i32>,
    pub(super) transitions: i32,
    pub(super) acquired: Option<Timestamp>,
    pub(super) renewed: Option<Timestamp>,
    pub(super) version: String,
}

impl Record {
    pub(super) fn of(lease: Lease) -> Self {
        let spec = lease.spec.unwrap_or_default();
        Self {
            holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
            seconds: spec.lease_duration_seconds,
            transitions: spec.lease_transitions.unwrap_or_default(),
            acquired: spec.acquire_time.map(|time| time.0),
            renewed: spec.renew_time.map(|time| time.0),
            version: lease.metadata.resource_version.unwrap_or_default(),
        }
    }

    /// Whether no candidate wrote between the two. Other fields of the object, such as labels, do not
    /// count.
    fn is_same_term(&self, other: &Self) -> bool {
        let version = String::new();
        let [one, other] = [self, other].map(|record| Self {
            version: version.clone(),
            ..record.clone()
        });
        one == other
    }
}

/// What a replica does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Read,
    /// There is no Lease.
    Create,
    /// Takes the Lease, or renews it, if it still has this version.
    Write(Record),
    /// Waits, and then decides again.
    Wait(Duration),
}

#[derive(Debug)]
pub(super) struct Election {
    identity: String,
    duration: Duration,
    /// None before the Lease was read.
    seen: Option<Seen>,
    /// A write was not accepted, so that what was seen is not the latest.
    is_stale: bool,
    /// The begin of the last call that took or renewed the Lease.
    held: Option<Instant>,
}

#[derive(Debug)]
struct Seen {
    /// None if the Lease does not exist.
    record: Option<Record>,
    /// When it is free to take, as far as is known.
    free: Instant,
    read: Instant,
}

impl Election {
    pub(super) fn new(identity: &str, duration: Duration) -> Self {
        Self {
            identity: identity.to_owned(),
            duration,
            seen: None,
            is_stale: false,
            held: None,
        }
    }

    /// How often the Lease is renewed, or read.
    fn interval(&self) -> Duration {
        self.duration / 4
    }

    /// How long to wait after a call that failed.
    pub(super) fn retry(&self) -> Duration {
        self.duration / 16
    }

    /// How long this replica leads after it renewed the Lease. Others wait for all of the duration,
    /// and begin later.
    fn validity(&self) -> Duration {
        self.duration * 3 / 4
    }

    pub(super) fn is_leading(&self, now: Instant) -> bool {
        self.left(now) > Duration::ZERO
    }

    /// Whether it is known who leads.
    pub(super) fn is_known(&self) -> bool {
        self.seen.is_some()
    }

    /// How long this replica still leads without renewing the Lease.
    pub(super) fn left(&self, now: Instant) -> Duration {
        let end = self.held.map(|held| held + self.validity());
        end.map_or(Duration::ZERO, |end| end.saturating_duration_since(now))
    }

    /// How long an attempt may take: of a leader, so that another one follows if it hangs.
    pub(super) fn attempt(&self, now: Instant) -> Duration {
        match self.left(now) {
            Duration::ZERO => self.duration / 2,
            left => (left / 2).max(MIN_ATTEMPT).min(left),
        }
    }

    /// The Lease was read, or does not exist.
    pub(super) fn read(&mut self, found: Option<Record>, now: Instant) {
        let free = self.free(found.as_ref(), now);
        if found.as_ref().is_some_and(|record| !self.is_mine(record)) {
            self.held = None;
        }
        self.is_stale = false;
        self.seen = Some(Seen {
            record: found,
            free,
            read: now,
        });
    }

    /// Decides when a Lease is free that reads so now: when its duration has passed since it changed.
    fn free(&self, found: Option<&Record>, now: Instant) -> Instant {
        let before = self.seen.as_ref();
        match (found, before.map(|seen| (seen, &seen.record))) {
            (Some(Record { holder: None, .. }), _) => now,
            (Some(record), Some((seen, Some(same)))) if record.is_same_term(same) => seen.free,
            (Some(record), _) => now + self.duration_of(record),
            // Its holder recreates a Lease that was deleted.
            (None, Some((seen, _))) => seen.free,
            (None, None) => now,
        }
    }

    fn is_mine(&self, record: &Record) -> bool {
        record.holder.as_ref() == Some(&self.identity)
    }

    /// A write was accepted that began then.
    pub(super) fn wrote(&mut self, record: Record, began: Instant) {
        self.held = Some(began);
        self.is_stale = false;
        self.seen = Some(Seen {
            record: Some(record),
            free: began + self.duration,
            read: began,
        });
    }

    /// A write was not accepted: the Lease changed, or was created or deleted.
    pub(super) fn conflict(&mut self) {
        self.is_stale = true;
    }

    pub(super) fn next(&self, now: Instant) -> Next {
        let Some(Seen { record, free, read }) = self.seen.as_ref().filter(|_| !self.is_stale)
        else {
            return Next::Read;
        };
        let renewal = self.held.map(|held| held + self.interval());
        let is_due = !self.is_leading(now) || renewal.is_some_and(|renewal| now >= renewal);
        let reading = *read + self.interval();
        match record {
            Some(record) if self.is_mine(record) => match renewal.filter(|_| !is_due) {
                Some(renewal) => Next::Wait(renewal.duration_since(now)),
                None => Next::Write(record.clone()),
            },
            None if self.is_leading(now) => Next::Create,
            // The replica may have slept, and the Lease changed.
            _ if now >= reading => Next::Read,
            Some(record) if now >= *free => Next::Write(record.clone()),
            None if now >= *free => Next::Create,
            _ => Next::Wait(reading.min(*free).duration_since(now)),
        }
    }

    fn duration_of(&self, record: &Record) -> Duration {
        let seconds = record
            .seconds
            .and_then(|seconds| u64::try_from(seconds).ok());
        seconds.map_or(self.duration, |it| {
            Duration::from_secs(it).min(MAX_DURATION)
        })
    }

    /// Returns what is written to take or renew the Lease; `before` is none if it does not exist.
    pub(super) fn record(&self, before: Option<&Record>, now: Timestamp) -> Record {
        let mine = before.filter(|it| it.holder.as_ref() == Some(&self.identity));
        let transitions = before.map_or(0, |it| it.transitions);
        Record {
            holder: Some(self.identity.clone()),
            seconds: i32::try_from(self.duration.as_secs()).ok(),
            transitions: transitions.saturating_add(i32::from(before.is_some() && mine.is_none())),
            acquired: mine.and_then(|it| it.acquired).or(Some(now)),
            renewed: Some(now),
            version: before.map(|it| it.version.clone()).unwrap_or_default(),
        }
    }

    /// Returns the record if this replica leads.
    pub(super) fn holds(&self, now: Instant) -> Option<&Record> {
        let seen = self.seen.as_ref().filter(|_| self.is_leading(now));
        seen?.record.as_ref()
    }
}

#[cfg(test)]
mod tests;
