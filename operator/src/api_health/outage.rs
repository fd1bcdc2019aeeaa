//! An outage of the API server as a few lines of the log. Pure: the clock is given.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::failure::Failure;

/// An outage has ended when a call is answered and none has failed for this long.
const QUIET: Duration = Duration::from_secs(10);
/// The same for one that follows another within [`RELAPSE`]: one object whose every attempt fails has
/// a longer backoff than [`QUIET`], of up to a minute.
const QUIET_AFTER_RELAPSE: Duration = Duration::from_secs(90);
const RELAPSE: Duration = Duration::from_secs(120);
/// The time between two lines about one outage.
const INTERVAL: Duration = Duration::from_secs(60);
/// How many errors of an outage are in the log in full, and how many of them for one reason: what
/// differs in them may be the name of an object.
const MAX_ERRORS: usize = 6;
const MAX_ERRORS_PER_REASON: usize = 3;

/// Whether there is an outage, and what failed in it.
#[derive(Debug, Default)]
pub(super) struct Outage {
    open: Option<Open>,
    /// The last failure of the outage before.
    before: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    since: Instant,
    last: Instant,
    reported: Instant,
    quiet: Duration,
    counts: BTreeMap<Failure, u64>,
    /// The errors that were reported, each with its reason.
    errors: Vec<(&'static str, String)>,
}

/// A line of the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Began(Failure),
    /// A reason, and the text of an error.
    Error(&'static str, String),
    /// With the first error that was reported.
    Continues(Counts, Option<String>),
    Ended(Counts),
}

/// How many calls failed in an outage, and from the first to the last of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) lasted: Duration,
    counts: BTreeMap<Failure, u64>,
}

impl Outage {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn failed(&mut self, failure: Failure, now: Instant) -> Option<Line> {
        let Some(open) = &mut self.open else {
            let is_relapse = |last| now.duration_since(last) < RELAPSE;
            let quiet = match self.before.is_some_and(is_relapse) {
                true => QUIET_AFTER_RELAPSE,
                false => QUIET,
            };
            self.open = Some(Open {
                since: now,
                last: now,
                reported: now,
                quiet,
                counts: [(failure, 1)].into(),
                errors: Vec::new(),
            });
            return Some(Line::Began(failure));
        };
        *open.counts.entry(failure).or_default() += 1;
        open.last = now;
        if now.duration_since(open.reported) < INTERVAL {
            return None;
        }
        open.reported = now;
        let error = open.errors.first().map(|(_, error)| error.clone());
        Some(Line::Continues(open.counts(), error))
    }

    /// Reports the text of an error in an outage, if it is a new one, and if there were not too many.
    pub(super) fn error(&mut self, reason: &'static str, text: String) -> Option<Line> {
        let errors = &mut self.open.as_mut()?.errors;
        let of_reason = errors.iter().filter(|(other, _)| *other == reason);
        let is_full = errors.len() >= MAX_ERRORS || of_reason.count() >= MAX_ERRORS_PER_REASON;
        if is_full || errors.iter().any(|(_, other)| *other == text) {
            return None;
        }
        errors.push((reason, text.clone()));
        Some(Line::Error(reason, text))
    }

    #[cfg(test)]
    pub(super) fn has(&self, error: &str) -> bool {
        let open = self.open.iter();
        open.flat_map(|open| &open.errors)
            .any(|(_, it)| it == error)
    }

    pub(super) fn answered(&mut self, now: Instant) -> Option<Line> {
        let is_over = |open: &mut Open| now.duration_since(open.last) >= open.quiet;
        let ended = self.open.take_if(is_over)?;
        self.before = Some(ended.last);
        Some(Line::Ended(ended.counts()))
    }
}

impl Open {
    fn counts(&self) -> Counts {
        Counts {
            lasted: self.last.duration_since(self.since),
            counts: self.counts.clone(),
        }
    }
}

impl Counts {
    pub(super) fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (failure, count)) in self.counts.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {}", failure.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of an outage in which calls fail at these seconds, and are answered at those.
    fn lines(events: &[(u64, Option<Failure>)]) -> Vec<String> {
        let begin = Instant::now();
        let mut outage = Outage::default();
        let mut lines = Vec::new();
        for (second, event) in events {
            let now = begin + Duration::from_secs(*second);
            let line = match event {
                Some(failure) => outage.failed(*failure, now),
                None => outage.answered(now),
            };
            lines.extend(line.map(|line| match line {
                Line::Began(failure) => format!("{second} began {}", failure.as_str()),
                Line::Error(..) => unreachable!("none is given"),
                Line::Continues(counts, _) => format!("{second} continues {counts}"),
                Line::Ended(counts) => {
                    format!("{second} ended {} {counts}", counts.lasted.as_secs())
                }
            }));
        }
        lines
    }

    #[test]
    fn ten_thousand_failures_in_three_minutes_are_five_lines() {
        let failed = |second| (second, Some(Failure::Unreachable));
        let mut events = vec![(0, None)];
        events.extend((0..10_000).map(|number| failed(1 + number / 55)));
        events.extend([(185, None), (192, None), (193, None)]);
        assert_eq!(
            lines(&events),
            [
                "1 began Unreachable",
                "61 continues 3301 Unreachable",
                "121 continues 6601 Unreachable",
                "181 continues 9901 Unreachable",
                "192 ended 181 10000 Unreachable",
            ]
        );
    }

    #[test]
    fn answers_between_failures_do_not_end_it() {
        let mut events = Vec::new();
        for second in 0..50 {
            let failure = match second % 2 {
                0 => Failure::Throttled,
                _ => Failure::Timeout,
            };
            events.extend([(second, Some(failure)), (second, None)]);
        }
        events.push((60, None));
        let expected = ["0 began Throttled", "60 ended 49 25 Timeout, 25 Throttled"];
        assert_eq!(lines(&events), expected);
    }

    /// The request of one object fails at each attempt, such as by a webhook, and others do not.
    #[test]
    fn one_object_that_fails_every_half_minute_is_a_line_each_minute() {
        let mut events = Vec::new();
        for second in 0..600 {
            let failed = second % 30 == 0;
            events.push((second, failed.then_some(Failure::ServerError)));
        }
        let told = lines(&events);
        let begin = [
            "0 began ServerError",
            "10 ended 0 1 ServerError",
            "30 began ServerError",
        ];
        assert_eq!(told[..3], begin);
        assert!(told.len() <= 3 + 10, "{told:?}");
        let further = &told[3..];
        assert!(
            further.iter().all(|line| line.contains("continues")),
            "{told:?}"
        );
        // Long after it, an outage is a short one again.
        let failed = |second| (second, Some(Failure::ServerError));
        let events = [failed(0), (10, None), failed(500), (510, None)];
        let told = lines(&events);
        assert!(told[3].starts_with("510 ended"));
    }

    #[test]
    fn an_error_is_reported_once_and_no_more_than_a_few_are() {
        let (mut outage, now) = (Outage::default(), Instant::now());
        let error = |outage: &mut Outage, reason, text: &str| {
            outage.error(reason, text.to_owned()).is_some()
        };
        assert!(
            !error(&mut outage, "ServerError", "a"),
            "there is no outage"
        );
        outage.failed(Failure::ServerError, now);
        assert!(error(&mut outage, "ServerError", "a"));
        assert!(!error(&mut outage, "ServerError", "a"));
        let mut of = |reason| {
            let numbers =
                (0..100).filter(|number| error(&mut outage, reason, &format!("{reason} {number}")));
            numbers.count()
        };
        assert_eq!(of("ServerError"), MAX_ERRORS_PER_REASON - 1);
        assert_eq!(of("Forbidden"), MAX_ERRORS_PER_REASON);
        assert_eq!(of("Unreachable"), MAX_ERRORS - 2 * MAX_ERRORS_PER_REASON);
        let line = outage.failed(Failure::ServerError, now + INTERVAL);
        let Some(Line::Continues(_, Some(first))) = line else {
            panic!("{line:?}");
        };
        assert_eq!(first, "a");
        outage.answered(now + INTERVAL + QUIET);
        outage.failed(Failure::ServerError, now + INTERVAL * 2);
        assert!(
            error(&mut outage, "ServerError", "a"),
            "it is another outage"
        );
    }
}
