//! How a duration is shown in a message.

use std::time::Duration;

/// Returns a duration in the form of the API, without the parts that are zero: `2208h`, `1h30m`.
pub fn text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let shown: String = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    if shown.is_empty() {
        "0s".to_owned()
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_duration_as_the_api_does() {
        for (seconds, shown) in [
            (0, "0s"),
            (20, "20s"),
            (3600, "1h"),
            (5400, "1h30m"),
            (3601, "1h1s"),
            (2208 * 3600, "2208h"),
        ] {
            assert_eq!(text(Duration::from_secs(seconds)), shown);
        }
    }
}
