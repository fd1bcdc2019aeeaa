//! The report of the mesh, in Markdown, and its line of progress.

use std::fmt::Write;

use super::{MeshOutcome, MeshScenario, MeshSizes};
use crate::fleet::Fleet;
use crate::generations::{Rotation, rotations};
use crate::report::table;

/// Returns the report of a run and its control.
pub fn markdown(outcomes: &[MeshOutcome], sizes: &MeshSizes) -> String {
    let mut text = "# Handshake soak of a mesh\n\n".to_owned();
    let _ = writeln!(
        text,
        "Leaves of {} s, a propagation of {} s, of which the kubelet takes up to {} s, at most {} \
         handshakes per second.\n",
        sizes.pace.leaf.as_secs(),
        sizes.propagation.as_secs(),
        sizes.delivery.iter().max().map_or(0, |late| late.as_secs()),
        sizes.pace.rate
    );
    summary(&mut text, outcomes);
    for outcome in outcomes {
        let _ = writeln!(text, "\n## {}\n", title(outcome.scenario));
        let name = svg_name(outcome.scenario);
        let _ = writeln!(text, "![generations and roots]({name})\n");
        let pairs = outcome.history.tally.pairs.iter();
        table(
            &mut text,
            ("client", "server"),
            pairs.map(|((client, server), count)| (client.to_string(), server.to_string(), *count)),
        );
        if let Some(first) = &outcome.history.tally.first_failure {
            let _ = writeln!(text, "The first handshake that failed:\n\n```\n{first}```");
        }
    }
    text
}

/// One line for each rotation and for the control, for the report and the terminal.
pub fn summary(text: &mut String, outcomes: &[MeshOutcome]) {
    text.push_str("| through | minutes | handshakes | failed |\n|---|---|---|---|\n");
    for outcome in outcomes {
        for phase in &outcome.phases {
            let what = match phase.rotation {
                Rotation::Renewal => "a renewal of istiod's CA certificate",
                Rotation::Key => "another key of istiod's CA",
                Rotation::Root => "another root at the issuer above",
            };
            let minutes = phase.end.duration_since(phase.begin).as_secs_f64() / 60.0;
            let (made, failed) = (phase.handshakes, phase.failed);
            let _ = writeln!(text, "| {what} | {minutes:.1} | {made} | {failed} |");
        }
        let (history, tally) = (&outcome.history, &outcome.history.tally);
        let _ = writeln!(
            text,
            "| {}, {} kills of the operator, {} late | {:.1} | {} | {} |",
            title(outcome.scenario),
            history.record.kills.len(),
            tally.late,
            history.minutes(),
            tally.total(),
            tally.failures.len()
        );
    }
}

/// Returns the name of a run's plot.
pub fn svg_name(scenario: MeshScenario) -> String {
    format!("{}.svg", scenario.name())
}

fn title(scenario: MeshScenario) -> &'static str {
    match scenario {
        MeshScenario::Rotations => "The whole run",
        MeshScenario::Control => "Control: two changes in one write",
    }
}

/// Returns how far a run is.
pub(super) fn line(scenario: MeshScenario, fleet: &Fleet) -> String {
    let (record, tally) = fleet.so_far();
    let counts = rotations(&record.generations);
    let [renewals, keys, roots] = Rotation::ALL.map(|kind| counts[&kind]);
    let shown = record.bundles.last().map_or(0, |(_, roots)| roots.len());
    format!(
        "{}: {} handshakes, {renewals} renewals, {keys} keys, {roots} roots, istiod has {shown} \
         roots, {} kills, {} failed, {} late",
        scenario.name(),
        tally.total(),
        record.kills.len(),
        tally.failures.len(),
        tally.late
    )
}
