//! The report, in Markdown.

use std::fmt::Write;

use crate::generations::Rotation;
use crate::{Count, Outcome, Scenario, Sizes};

/// Returns the report of a run and its control.
pub fn markdown(outcomes: &[Outcome], sizes: &Sizes) -> String {
    let mut text = "# Handshake soak\n\n".to_owned();
    let _ = writeln!(
        text,
        "Leaves of {} s, intermediates of {} s, a copy of the bundle that lags {} s behind, at most \
         {} handshakes per second.\n",
        sizes.pace.leaf.as_secs(),
        sizes.ca.as_secs(),
        sizes.pace.lag.as_secs(),
        sizes.pace.rate
    );
    summary(&mut text, outcomes);
    for outcome in outcomes {
        let _ = writeln!(text, "\n## {}\n", title(outcome.scenario));
        let _ = writeln!(
            text,
            "![generations and bundle]({})\n",
            svg_name(outcome.scenario)
        );
        let pairs = outcome.history.tally.pairs.iter();
        table(
            &mut text,
            ("client", "server"),
            pairs.map(|((client, server), count)| (client.to_string(), server.to_string(), *count)),
        );
        let trusts = outcome.history.tally.trusts.iter();
        table(
            &mut text,
            ("roots of the client", "roots of the server"),
            trusts
                .map(|((client, server), count)| (client.to_string(), server.to_string(), *count)),
        );
        if let Some(first) = &outcome.history.tally.first_failure {
            let _ = writeln!(text, "The first handshake that failed:\n\n```\n{first}```");
        }
    }
    text
}

/// Returns the name of a run's plot.
pub fn svg_name(scenario: Scenario) -> String {
    format!("{}.svg", scenario.issuer())
}

fn title(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::Overlap => "With overlap",
        Scenario::Control => "Control: `activationDelay: 1s`",
    }
}

/// One line for each run, for the report and the terminal.
pub fn summary(text: &mut String, outcomes: &[Outcome]) {
    text.push_str(
        "| run | minutes | handshakes | failed | late | renewals | keys | roots | kills |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for outcome in outcomes {
        let [renewals, keys, roots] = Rotation::ALL.map(|kind| outcome.rotations(kind));
        let _ = writeln!(
            text,
            "| {} | {:.1} | {} | {} | {} | {renewals} | {keys} | {roots} | {} |",
            title(outcome.scenario),
            outcome.history.minutes(),
            outcome.history.tally.total(),
            outcome.history.tally.failures.len(),
            outcome.history.tally.late,
            outcome.history.record.kills.len()
        );
    }
}

/// One line for each pair.
pub(crate) fn table(
    text: &mut String,
    (first, second): (&str, &str),
    rows: impl Iterator<Item = (String, String, Count)>,
) {
    let _ = writeln!(
        text,
        "| {first} | {second} | handshakes | failed |\n|---|---|---|---|"
    );
    for (first, second, count) in rows {
        let _ = writeln!(
            text,
            "| {first} | {second} | {} | {} |",
            count.all, count.failed
        );
    }
    text.push('\n');
}
