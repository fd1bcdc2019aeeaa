//! An outage of the API server as a few lines of the log. Pure: the clock is given.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::failure::Failure;

/// An outage has ended when a call is answered and none has failed for this long.
const QUIET: Duration = Duration::from_secs(10);
/// The time between two lines about one outage.
const INTERVAL: Duration = Duration::from_secs(60);

/// Whether there is an outage, and what failed in it.
#[derive(Debug, Default)]
pub(super) struct Outage(Option<Open>);

#[derive(Debug)]
struct Open {
    since: Instant,
    last: Instant,
    reported: Instant,
    counts: BTreeMap<Failure, u64>,
}

/// A line of the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Began(Failure),
    Continues(Counts),
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
        self.0.is_some()
    }

    pub(super) fn failed(&mut self, failure: Failure, now: Instant) -> Option<Line> {
        let Some(open) = &mut self.0 else {
            self.0 = Some(Open {
                since: now,
                last: now,
                reported: now,
                counts: [(failure, 1)].into(),
            });
            return Some(Line::Began(failure));
        };
        *open.counts.entry(failure).or_default() += 1;
        open.last = now;
        if now.duration_since(open.reported) < INTERVAL {
            return None;
        }
        open.reported = now;
        Some(Line::Continues(open.counts()))
    }

    pub(super) fn answered(&mut self, now: Instant) -> Option<Line> {
        let is_over = |open: &mut Open| now.duration_since(open.last) >= QUIET;
        let ended = self.0.take_if(is_over)?;
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
                Line::Continues(counts) => format!("{second} continues {counts}"),
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
}
