//! How times are printed.

use jiff::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Returns the end of a validity, with the time that is left.
pub(super) fn until(at: Timestamp, now: Timestamp) -> String {
    match at.as_second() - now.as_second() {
        ..=0 => format!("expired at {at}"),
        left => format!("until {at} (in {})", length(left)),
    }
}

/// Returns for how long something has been so.
pub(super) fn elapsed(since: Timestamp, now: Timestamp) -> String {
    length((now.as_second() - since.as_second()).max(0))
}

fn length(seconds: i64) -> String {
    match seconds {
        ..MINUTE => count(seconds, 1, "second"),
        MINUTE..HOUR => count(seconds, MINUTE, "minute"),
        HOUR..DAY => count(seconds, HOUR, "hour"),
        DAY.. => count(seconds, DAY, "day"),
    }
}

fn count(seconds: i64, unit: i64, name: &str) -> String {
    match seconds / unit {
        1 => format!("1 {name}"),
        number => format!("{number} {name}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{NOW, at};

    #[test]
    fn shows_what_is_left() {
        for (seconds, expected) in [
            (0, "expired at 2026-09-01T12:00:00Z"),
            (-1, "expired at 2026-09-01T11:59:59Z"),
            (1, "until 2026-09-01T12:00:01Z (in 1 second)"),
            (59, "until 2026-09-01T12:00:59Z (in 59 seconds)"),
            (119, "until 2026-09-01T12:01:59Z (in 1 minute)"),
            (2 * HOUR, "until 2026-09-01T14:00:00Z (in 2 hours)"),
            (49 * HOUR, "until 2026-09-03T13:00:00Z (in 2 days)"),
        ] {
            assert_eq!(until(at(seconds), NOW), expected);
        }
    }

    #[test]
    fn shows_what_has_passed() {
        for (seconds, expected) in [
            (-5, "0 seconds"),
            (1, "1 second"),
            (119, "1 minute"),
            (49 * HOUR, "2 days"),
        ] {
            assert_eq!(elapsed(at(-seconds), NOW), expected);
        }
    }
}
