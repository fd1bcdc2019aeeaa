//! What a vendor's library writes to the standard error, and how much of its text is logged.

use std::io::{BufRead, BufReader, Read};
use std::process::ChildStderr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::record::Record;
use crate::pkcs11::signer::pin::MAX_PIN;

/// The longest part of a line that is logged, in letters.
pub(super) const MAX_LINE: usize = 400;
/// How much of a line is read: so much that a PIN is found that begins in what is logged.
const MAX_READ: usize = MAX_LINE + MAX_PIN;
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
            if !line.text.is_empty() {
                record.wrote(&line);
            }
        }
    });
}

/// Text without control characters, which would hide a PIN.
pub(super) struct Line {
    pub(super) text: String,
    /// The length of the part that may be shown. A PIN that begins in it has its end in the text.
    pub(super) shown: usize,
}

impl Line {
    /// All of a text.
    pub(super) fn whole(text: &str) -> Self {
        let text: String = text.chars().filter(|it| !it.is_control()).collect();
        let shown = text.len();
        Self { text, shown }
    }

    /// The beginning of a text whose rest is not known.
    fn cut(text: &str) -> Self {
        let line = Self::whole(text);
        let shown = line.shown.saturating_sub(MAX_PIN);
        Self { shown, ..line }
    }
}

/// The beginning of the next line; none at the end.
fn next(output: &mut impl BufRead) -> Option<Line> {
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_READ));
    let max = u64::try_from(MAX_READ).unwrap_or(u64::MAX);
    let read = output.by_ref().take(max).read_until(b'\n', &mut line);
    if read.ok()? == 0 {
        return None;
    }
    let text = String::from_utf8_lossy(&line);
    let text = text.trim();
    if line.len() < MAX_READ || line.ends_with(b"\n") {
        return Some(Line::whole(text));
    }
    output.skip_until(b'\n').ok()?;
    Some(Line::cut(text))
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
    use super::super::pins::Pins;
    use super::*;
    use crate::pkcs11::signer::pin::Pin;

    #[test]
    fn long_lines_are_cut_and_read_to_their_ends() {
        let exact = "y".repeat(MAX_READ - 1);
        let text = format!("one\n\n{}\n{exact}\ntwo\x1b[2J", "x".repeat(3 * MAX_READ));
        let mut output = text.as_bytes();
        let lines: Vec<_> = std::iter::from_fn(|| next(&mut output)).collect();
        assert_eq!(lines.len(), 5);
        for (line, text, shown) in [
            (&lines[0], "one", 3),
            (&lines[1], "", 0),
            (&lines[2], "x".repeat(MAX_READ).as_str(), MAX_LINE),
            (&lines[3], &exact, MAX_READ - 1),
            (&lines[4], "two[2J", 6),
        ] {
            assert_eq!((line.text.as_str(), line.shown), (text, shown));
        }
    }

    #[test]
    fn a_pin_at_which_a_line_is_cut_is_not_shown() {
        let pin = "0123456789".repeat(40);
        let mut pins = Pins::default();
        pins.sends("ca", &mut Pin::new(&pin, String::new()));
        // Control characters take the place of what could be shown.
        for before in [MAX_READ - 1, MAX_READ - 399, MAX_READ - 401, MAX_PIN] {
            for letter in ["\0", "x"] {
                let text = format!("{}{pin}\n", letter.repeat(before));
                let line = next(&mut text.as_bytes()).unwrap();
                let shown = pins.redact(&line);
                assert!(!shown.contains('0'), "{before} {letter:?}: {shown}");
            }
        }
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
