//! The progress bar.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use anyhow::Result;

use crate::generations::{Rotation, rotations};
use crate::timeline::Record;
use crate::{Scenario, Sizes, Tally};

/// Characters of the bar.
const WIDTH: usize = 24;
const ON_TERMINAL: Duration = Duration::from_secs(1);
const IN_LOG: Duration = Duration::from_secs(30);

/// Shows how far a run is, without an end: on a terminal in one line, otherwise now and then.
pub(crate) async fn keep_showing(line: impl Fn() -> String) -> Result<()> {
    let is_terminal = stderr().is_terminal();
    let interval = if is_terminal { ON_TERMINAL } else { IN_LOG };
    let mut ticks = tokio::time::interval(interval);
    loop {
        ticks.tick().await;
        let line = line();
        // Standard error may be closed.
        let _ = match is_terminal {
            true => write!(stderr(), "\r\x1b[2K{line}"),
            false => writeln!(stderr(), "{line}"),
        };
    }
}

/// Returns how far a run is.
pub(crate) fn line(scenario: Scenario, sizes: &Sizes, record: &Record, tally: &Tally) -> String {
    let counts = rotations(&record.generations);
    let (total, failed) = (tally.total(), tally.failures.len());
    let mut line = String::new();
    if scenario == Scenario::Overlap {
        let _ = write!(line, "{} ", bar(done(sizes, record, tally)));
    }
    let _ = write!(line, "{}: {total} handshakes", scenario.issuer());
    for (kind, count) in counts {
        let what = match kind {
            Rotation::Renewal => "renewals",
            Rotation::Key => "keys",
            Rotation::Root => "roots",
        };
        let _ = write!(line, ", {count} {what}");
    }
    let kills = record.kills.len();
    let _ = write!(
        line,
        ", {kills} kills, {failed} failed, {} late",
        tally.late
    );
    line
}

/// Returns how much is done, in thousandths: as much as of what is furthest from its end.
fn done(sizes: &Sizes, record: &Record, tally: &Tally) -> u64 {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let roots = rotations(&record.generations)[&Rotation::Root];
    let parts = [
        (tally.total(), sizes.handshakes),
        (count(roots), count(sizes.rotations)),
        (count(record.kills.len()), count(sizes.kills)),
    ];
    let parts = parts.map(|(done, wanted)| 1000 * done.min(wanted) / wanted.max(1));
    parts.into_iter().min().unwrap_or_default()
}

fn bar(thousandths: u64) -> String {
    let filled = usize::try_from(thousandths).unwrap_or_default() * WIDTH / 1000;
    let (full, rest) = ("#".repeat(filled), "-".repeat(WIDTH - filled));
    format!("[{full}{rest}] {:>3} %", thousandths / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_shows_what_is_furthest_from_its_end() {
        let sizes = Sizes::long();
        let (mut record, tally) = (Record::default(), Tally::default());
        record.kills = vec![jiff::Timestamp::UNIX_EPOCH; 20];
        assert_eq!(done(&sizes, &record, &tally), 0);
        assert_eq!(bar(0), format!("[{}]   0 %", "-".repeat(WIDTH)));
        assert_eq!(bar(1000), format!("[{}] 100 %", "#".repeat(WIDTH)));
        assert!(bar(500).starts_with("[############------------]"));
    }
}
