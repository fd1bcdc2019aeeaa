//! How times are printed.

use jiff::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Returns the end of a validity, with the time that is left.
pub(super) fn until(at: Timestamp, now: Timestamp) -> String {
    let left = at.as_second() - now.as_second();
    let left = match left {
        ..=0 => return format!("expired at {at}"),
        1..MINUTE => count(left, 1, "second"),
        MINUTE..HOUR => count(left, MINUTE, "minute"),
        HOUR..DAY => count(left, HOUR, "hour"),
        _ => count(left, DAY, "day"),
    };
    format!("until {at} (in {left})")
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
}
