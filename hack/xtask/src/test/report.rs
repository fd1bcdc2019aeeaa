//! The table at the end.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
    /// Someone ended it; it counts as failed.
    Interrupted,
}

/// Every step, how it ended, and how long it took.
#[derive(Debug, Default)]
pub(super) struct Report {
    steps: Vec<(&'static str, Verdict, Duration)>,
}

impl Report {
    pub(super) fn add(&mut self, step: &'static str, verdict: Verdict, took: Duration) {
        self.steps.push((step, verdict, took));
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        if self.all_passed() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn all_passed(&self) -> bool {
        self.passed() == self.steps.len()
    }

    fn passed(&self) -> usize {
        self.steps
            .iter()
            .filter(|(_, verdict, _)| *verdict == Verdict::Passed)
            .count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (step, verdict, took) in &self.steps {
            let verdict = match verdict {
                Verdict::Passed => "passed",
                Verdict::Failed => "FAILED",
                Verdict::Interrupted => "INTERRUPTED",
            };
            let seconds = took.as_secs();
            writeln!(
                f,
                "{step:<14} {verdict:<12} {:>3} min {:>2} s",
                seconds / 60,
                seconds % 60
            )?;
        }
        let passed = self.passed();
        writeln!(f, "{passed} passed, {} failed", self.steps.len() - passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_the_steps() {
        let mut report = Report::default();
        report.add("unit", Verdict::Passed, Duration::from_secs(75));
        assert!(report.all_passed());
        report.add("e2e", Verdict::Failed, Duration::ZERO);
        report.add("e2e", Verdict::Interrupted, Duration::ZERO);
        assert!(!report.all_passed());
        let text = report.to_string();
        assert!(
            text.starts_with("unit           passed         1 min 15 s\n"),
            "{text}"
        );
        assert_eq!(text.lines().last(), Some("1 passed, 2 failed"));
    }
}
