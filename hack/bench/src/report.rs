//! Medians, the goals, the table and the file.

use std::fs;

use anyhow::Result;
use serde_json::{Value, json};
use signet_testbed::installation::target;

use crate::contender::Contender;
use crate::round::Figures;

/// One round in a line.
pub(crate) fn line(figures: &Figures) -> String {
    format!(
        "{:.0} per s; p50 {:.0} ms, p99 {:.0} ms; CPU {} / {} s per 1,000; {} MB; {:.2} writes",
        figures.rate,
        figures.p50_ms,
        figures.p99_ms,
        shown(figures.cpu_burst),
        shown(figures.cpu_steady),
        shown(figures.memory_mb),
        figures.writes,
    )
}

/// Prints the table and the goals, and writes both to `bench/results.json` in the target folder.
pub(crate) fn finish(rounds: &[(Contender, Figures)]) -> Result<()> {
    let medians: Vec<_> = Contender::ALL
        .into_iter()
        .map(|contender| (contender, median(rounds, contender)))
        .collect();
    println!(
        "| contender | burst, per s | p50, ms | p99, ms | CPU s per 1,000, burst | CPU s per 1,000, \
         40/s | peak memory, MB | writes per certificate |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (contender, figures) in &medians {
        println!(
            "| {contender} | {:.0} | {:.0} | {:.0} | {} | {} | {} | {:.2} |",
            figures.rate,
            figures.p50_ms,
            figures.p99_ms,
            shown(figures.cpu_burst),
            shown(figures.cpu_steady),
            shown(figures.memory_mb),
            figures.writes,
        );
    }
    let goals = goals(&medians[0].1, &medians[1].1, &medians[2].1);
    println!("\n| goal | wanted | measured | |\n|---|---|---|---|");
    for goal in &goals {
        println!(
            "| {} | {} {:.2} | {:.2} | {} |",
            goal.name,
            if goal.at_least { "at least" } else { "at most" },
            goal.wanted,
            goal.measured,
            if goal.is_reached() {
                "reached"
            } else {
                "not reached"
            },
        );
    }
    write(rounds, &medians, &goals)
}

/// A ratio between two contenders of one run.
struct Goal {
    name: &'static str,
    at_least: bool,
    wanted: f64,
    measured: f64,
}

impl Goal {
    fn is_reached(&self) -> bool {
        if self.at_least {
            self.measured >= self.wanted
        } else {
            self.measured <= self.wanted
        }
    }
}

fn goals(ceiling: &Figures, cert_manager: &Figures, signet: &Figures) -> Vec<Goal> {
    let ratio = |own: Option<f64>, other: Option<f64>| match (own, other) {
        (Some(own), Some(other)) => own / other,
        _ => f64::NAN,
    };
    let at_most = |name, wanted, measured| Goal {
        name,
        at_least: false,
        wanted,
        measured,
    };
    vec![
        Goal {
            name: "rate in the burst, of the ceiling's",
            at_least: true,
            wanted: 0.95,
            measured: signet.rate / ceiling.rate,
        },
        at_most(
            "CPU in the burst, of cert-manager's",
            0.2,
            ratio(signet.cpu_burst, cert_manager.cpu_burst),
        ),
        at_most(
            "CPU at 40 per s, of cert-manager's",
            0.2,
            ratio(signet.cpu_steady, cert_manager.cpu_steady),
        ),
        at_most(
            "peak memory, of cert-manager's",
            0.25,
            ratio(signet.memory_mb, cert_manager.memory_mb),
        ),
        at_most(
            "p99 at 40 per s, of cert-manager's",
            1.0 / 3.0,
            signet.p99_ms / cert_manager.p99_ms,
        ),
    ]
}

fn median(rounds: &[(Contender, Figures)], contender: Contender) -> Figures {
    let own = rounds.iter().filter(|(of, _)| *of == contender);
    median_of(&own.map(|(_, figures)| *figures).collect::<Vec<_>>())
}

/// The median of each figure. Of an even number, it is the upper of the two in the middle.
pub(crate) fn median_of(rounds: &[Figures]) -> Figures {
    let middle = |pick: &dyn Fn(&Figures) -> Option<f64>| {
        let mut values: Vec<_> = rounds.iter().filter_map(pick).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let figure =
        |pick: &dyn Fn(&Figures) -> f64| middle(&|figures| Some(pick(figures))).unwrap_or(f64::NAN);
    Figures {
        rate: figure(&|figures| figures.rate),
        p50_ms: figure(&|figures| figures.p50_ms),
        p99_ms: figure(&|figures| figures.p99_ms),
        cpu_burst: middle(&|figures| figures.cpu_burst),
        cpu_steady: middle(&|figures| figures.cpu_steady),
        memory_mb: middle(&|figures| figures.memory_mb),
        writes: figure(&|figures| figures.writes),
    }
}

fn write(
    rounds: &[(Contender, Figures)],
    medians: &[(Contender, Figures)],
    goals: &[Goal],
) -> Result<()> {
    let named = |list: &[(Contender, Figures)]| -> Vec<_> {
        let entry = |(of, figures): &(Contender, Figures)| json!({ "contender": of.to_string(), "figures": figures });
        list.iter().map(entry).collect()
    };
    let goals: Vec<_> = goals
        .iter()
        .map(|goal| {
            json!({
                "goal": goal.name,
                "atLeast": goal.at_least,
                "wanted": goal.wanted,
                "measured": goal.measured,
                "reached": goal.is_reached(),
            })
        })
        .collect();
    let results = json!({ "medians": named(medians), "rounds": named(rounds), "goals": goals });
    save("results.json", &results)
}

/// Writes what was measured into `bench/` in the target folder.
pub(crate) fn save(name: &str, results: &Value) -> Result<()> {
    let folder = target().join("bench");
    fs::create_dir_all(&folder)?;
    let file = folder.join(name);
    fs::write(&file, serde_json::to_string_pretty(results)?)?;
    println!("\nwritten to {}", file.display());
    Ok(())
}

fn shown(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(rate: f64, p99_ms: f64, cpu: Option<f64>, memory_mb: Option<f64>) -> Figures {
        Figures {
            rate,
            p50_ms: 1.0,
            p99_ms,
            cpu_burst: cpu,
            cpu_steady: cpu,
            memory_mb,
            writes: 1.0,
        }
    }

    #[test]
    fn the_median_is_of_one_contender_and_of_what_was_measured() {
        for (rates, expected) in [
            (&[3.0][..], 3.0),
            (&[9.0, 1.0, 4.0], 4.0),
            (&[4.0, 4.0, 1.0], 4.0),
            // Of an even number, the upper of the two in the middle.
            (&[1.0, 2.0], 2.0),
        ] {
            let mut rounds = vec![(Contender::Ceiling, figures(1000.0, 1.0, None, None))];
            let own = rates
                .iter()
                .map(|rate| figures(*rate, 1.0, Some(*rate), None));
            rounds.extend(own.map(|figures| (Contender::Signet, figures)));
            let median = median(&rounds, Contender::Signet);
            assert!((median.rate - expected).abs() < 1e-9, "{rates:?}");
            assert_eq!(median.cpu_burst, Some(expected), "{rates:?}");
            assert_eq!(median.memory_mb, None, "{rates:?}");
        }
        assert!(median(&[], Contender::Signet).rate.is_nan());
    }

    #[test]
    fn a_goal_is_reached_at_its_limit_and_not_beyond() {
        for (at_least, wanted, measured, reached) in [
            (true, 0.95, 0.95, true),
            (true, 0.95, 0.949, false),
            (true, 0.95, 1.1, true),
            (false, 0.2, 0.2, true),
            (false, 0.2, 0.201, false),
            (false, 0.2, 0.0, true),
            // Nothing was measured.
            (true, 0.95, f64::NAN, false),
            (false, 0.2, f64::NAN, false),
        ] {
            let goal = Goal {
                name: "a goal",
                at_least,
                wanted,
                measured,
            };
            assert_eq!(goal.is_reached(), reached, "{at_least} {wanted} {measured}");
        }
    }

    #[test]
    fn goals_compare_with_the_ceiling_and_with_cert_manager() {
        let ceiling = figures(100.0, 3.0, None, None);
        let cert_manager = figures(50.0, 30.0, Some(10.0), Some(100.0));
        for (signet, reached) in [
            (figures(96.0, 9.0, Some(1.0), Some(20.0)), [true; 5]),
            (figures(90.0, 11.0, Some(3.0), Some(30.0)), [false; 5]),
            (
                figures(96.0, 11.0, None, Some(20.0)),
                [true, false, false, true, false],
            ),
        ] {
            let goals = goals(&ceiling, &cert_manager, &signet);
            let found: Vec<_> = goals.iter().map(Goal::is_reached).collect();
            assert_eq!(found, reached, "{signet:?}");
        }
    }
}
