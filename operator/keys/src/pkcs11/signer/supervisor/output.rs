//! What a vendor's library writes to the standard error, and how much of its text is logged.

use std::io::{BufRead, BufReader, Read};
use std::process::ChildStderr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::record::Record;

/// The longest part of a line that is logged.
const MAX_LINE: usize = 400;
/// How many lines are logged in each period. A library may write without end.
const MAX_LINES: u32 = 20;
const PERIOD: Duration = Duration::from_secs(60);

/// Logs it, until the process ends. The process must not wait for it, so all of it is read.
pub(super) fn log(record: &Arc<Record>, output: Option<ChildStderr>) {
    let (Some(output), record) = (output, record.clone()) else {
        return;
    };
    let named = thread::Builder::new().name("pkcs11-output".to_owned());
    // Without this thread, the pipe is closed, and the library cannot write.
    let _ = named.spawn(move || {
        let mut output = BufReader::new(output);
        while let Some(line) = next(&mut output) {
            if !line.is_empty() {
                record.wrote(&line);
            }
        }
    });
}

/// The beginning of the next line; none at the end.
fn next(output: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    let max = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
    let read = output.by_ref().take(max).read_until(b'\n', &mut line);
    if read.ok()? == 0 {
        return None;
    }
    if !line.ends_with(b"\n") {
        output.skip_until(b'\n').ok()?;
    }
    Some(String::from_utf8_lossy(&line).trim().to_owned())
}

/// The text without control characters, and not longer than a line.
pub(super) fn printable(text: &str) -> String {
    let shown = text.chars().filter(|letter| !letter.is_control());
    shown.take(MAX_LINE).collect()
}

/// How many lines may still be logged.
pub(super) struct Budget {
    since: Instant,
    lines: u32,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            lines: 0,
        }
    }

    /// Whether one more line may be logged.
    pub(super) fn takes(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= PERIOD {
            *self = Self::new(now);
        }
        self.lines += 1;
        self.lines <= MAX_LINES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_and_read_to_their_ends() {
        let text = format!("one\n\n{}\ntwo\x1b[2J", "x".repeat(3 * MAX_LINE));
        let mut output = text.as_bytes();
        let lines: Vec<_> = std::iter::from_fn(|| next(&mut output)).collect();
        assert_eq!(lines.len(), 4);
        assert_eq!((lines[0].as_str(), lines[1].as_str()), ("one", ""));
        assert_eq!(lines[2].len(), MAX_LINE);
        assert_eq!(printable(&lines[3]), "two[2J");
    }

    #[test]
    fn a_library_that_writes_without_end_is_logged_in_part() {
        let mut now = Instant::now();
        let mut budget = Budget::new(now);
        let mut takes = |now| (0..1000).filter(|_| budget.takes(now)).count();
        assert_eq!(takes(now), 20);
        now += PERIOD;
        assert_eq!(takes(now), 20);
    }
}
