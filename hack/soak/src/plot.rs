//! Generations and bundles over time, as SVG.

use std::fmt::Write;

use jiff::Timestamp;

use crate::History;
use crate::generations::{Event, Generation};

const WIDTH: f64 = 1200.0;
/// The space for labels on the left.
const LEFT: f64 = 90.0;
const ROW: f64 = 12.0;
const TOP: f64 = 46.0;

/// The colors of a generation from each event on.
const COLORS: [(Event, &str); 5] = [
    (Event::Requested, "#d0d7de"),
    (Event::Certified, "#f2cc60"),
    (Event::Published, "#79c0ff"),
    (Event::Activated, "#2da44e"),
    (Event::Superseded, "#eaeef2"),
];
const KILL: &str = "#8250df";
const FAILURE: &str = "#cf222e";
const ROOT: &str = "#bf8700";

/// Returns the plot of a run: a row for each generation, a row for each root while it is in the
/// published bundle, a line for each kill, and a mark for each handshake that failed.
pub fn svg(history: &History) -> String {
    let roots = roots(history);
    let generations = &history.record.generations;
    let rows = generations.len() + roots.len() + 2;
    let height = TOP + ROW * number(rows) + 30.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"9\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    legend(&mut text);
    let axis = Axis::of(history);
    for (row, (name, generation)) in generations.iter().enumerate() {
        let y = TOP + ROW * number(row);
        label(&mut text, y, &format!("generation {name}"));
        draw_generation(&mut text, &axis, generation, y);
    }
    for (row, root) in roots.iter().enumerate() {
        let y = TOP + ROW * number(generations.len() + 1 + row);
        label(&mut text, y, &format!("root {root:.8}"));
        for (from, to) in intervals(history, root) {
            bar(&mut text, (axis.x(from), axis.x(to)), y, ROOT);
        }
    }
    let bottom = TOP + ROW * number(rows);
    marks(&mut text, &axis, history, bottom);
    axis.draw(&mut text, bottom);
    text.push_str("</svg>\n");
    text
}

/// Where a time is.
struct Axis {
    begin: Timestamp,
    seconds: f64,
}

impl Axis {
    fn of(history: &History) -> Self {
        let seconds = history.end.duration_since(history.begin).as_secs_f64();
        Self {
            begin: history.begin,
            seconds: seconds.max(1.0),
        }
    }

    fn x(&self, at: Timestamp) -> f64 {
        let seconds = at.duration_since(self.begin).as_secs_f64();
        LEFT + (WIDTH - LEFT - 10.0) * (seconds / self.seconds).clamp(0.0, 1.0)
    }

    fn draw(&self, text: &mut String, y: f64) {
        for tenth in 0..=10_u32 {
            let seconds = self.seconds * f64::from(tenth) / 10.0;
            let x = LEFT + (WIDTH - LEFT - 10.0) * f64::from(tenth) / 10.0;
            let _ = writeln!(
                text,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.1} min</text>",
                y + 16.0,
                seconds / 60.0
            );
        }
    }
}

/// The roots that were ever in the bundle, in the order in which they entered it.
fn roots(history: &History) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for root in history.record.bundles.iter().flat_map(|(_, roots)| roots) {
        if !all.contains(&root.as_str()) {
            all.push(root);
        }
    }
    all
}

/// From when to when a root was in the bundle.
fn intervals(history: &History, root: &str) -> Vec<(Timestamp, Timestamp)> {
    let bundles = &history.record.bundles;
    let ends = bundles.iter().skip(1).map(|(at, _)| *at);
    let ends = ends.chain([history.end]);
    let with_ends = bundles.iter().zip(ends);
    let having = with_ends.filter(|((_, roots), _)| roots.iter().any(|one| one == root));
    having.map(|((from, _), to)| (*from, to)).collect()
}

fn draw_generation(text: &mut String, axis: &Axis, generation: &Generation, y: f64) {
    let events: Vec<_> = generation.events.iter().collect();
    for (index, (event, at)) in events.iter().enumerate() {
        // What was superseded lives on while certificates under it are valid, which is not followed.
        let end = events.get(index + 1).map(|(_, at)| axis.x(**at));
        let end = end.or((**event != Event::Superseded).then_some(WIDTH - 10.0));
        let color = COLORS.iter().find(|(one, _)| one == *event);
        if let (Some(end), Some((_, color))) = (end, color) {
            bar(text, (axis.x(**at), end), y, color);
        }
    }
}

fn marks(text: &mut String, axis: &Axis, history: &History, bottom: f64) {
    for kill in &history.record.kills {
        let x = axis.x(*kill);
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\" stroke=\"{KILL}\" \
             stroke-opacity=\"0.5\" stroke-dasharray=\"2 2\"/>"
        );
    }
    for failure in &history.tally.failures {
        let x = axis.x(*failure);
        let _ = writeln!(
            text,
            "<circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"2\" fill=\"{FAILURE}\"/>",
            bottom - ROW / 2.0
        );
    }
}

fn legend(text: &mut String) {
    let names = ["requested", "certified", "published", "signs"];
    let colors = COLORS.iter().map(|(_, color)| *color);
    let entries = names.into_iter().zip(colors).chain([
        ("root in the bundle", ROOT),
        ("operator killed", KILL),
        ("handshake failed", FAILURE),
    ]);
    for (index, (name, color)) in entries.enumerate() {
        let x = LEFT + 130.0 * number(index);
        bar(text, (x, x + 12.0), 12.0, color);
        let _ = writeln!(text, "<text x=\"{:.1}\" y=\"21\">{name}</text>", x + 16.0);
    }
}

fn label(text: &mut String, y: f64, name: &str) {
    let _ = writeln!(text, "<text x=\"4\" y=\"{:.1}\">{name}</text>", y + 8.0);
}

fn bar(text: &mut String, (from, to): (f64, f64), y: f64, color: &str) {
    let width = (to - from).max(0.5);
    let _ = writeln!(
        text,
        "<rect x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"9\" fill=\"{color}\"/>"
    );
}

/// Rows are few.
fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
