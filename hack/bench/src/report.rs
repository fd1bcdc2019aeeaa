//! Medians, the goals, the tables and the files.

use std::fs;

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};
use signet_testbed::installation::target;

use crate::plot::{self, Panel};
use crate::round::{Figures, count};
use crate::slow::{DELAY, SESSIONS};
use crate::{Round, backlog, memory};

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

fn shown(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.2}"))
}

/// Prints the contenders and the goals, and writes both to `results.json`.
pub(crate) fn contenders(names: &[&'static str; 3], rounds: &[Round]) -> Result<()> {
    println!(
        "| contender | burst, per s | p50, ms | p99, ms | CPU s per 1,000, burst | CPU s per 1,000, \
         40/s | peak memory, MB | writes per certificate |\n|---|---|---|---|---|---|---|---|"
    );
    let medians = names.map(|name| (name, median(rounds, name)));
    for (name, figures) in &medians {
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {} | {} | {} | {:.2} |",
            figures.rate,
            figures.p50_ms,
            figures.p99_ms,
            shown(figures.cpu_burst),
            shown(figures.cpu_steady),
            shown(figures.memory_mb),
            figures.writes,
        );
    }
    let cores = std::thread::available_parallelism()?.get();
    let (ceiling, cert_manager, signet) = (&medians[0].1, &medians[1].1, &medians[2].1);
    let goals = goals(ceiling, cert_manager, signet, count(cores));
    println!("\n| goal | target | measured | |\n|---|---|---|---|");
    for goal in &goals {
        println!(
            "| {} | {} {:.2} | {:.2} | {} |",
            goal.goal,
            if goal.at_least { "at least" } else { "at most" },
            goal.target,
            goal.measured,
            if goal.reached {
                "reached"
            } else {
                "not reached"
            },
        );
    }
    let named = |list| named("contender", list);
    let results = json!({ "medians": named(&medians), "rounds": named(rounds), "goals": goals });
    let [rate, latency, burst] = rates(&medians);
    let steady = panel("CPU s per 1,000, 40 per s", &medians, |it| it.cpu_steady);
    let memory = panel("peak memory, MB", &medians, |it| it.memory_mb);
    save("results", &results, &[rate, latency, burst, steady, memory])
}

/// Prints the keys, the software key first, and writes them to `keys.json`.
pub(crate) fn keys(names: &[&'static str; 3], rounds: &[Round]) -> Result<()> {
    let one_by_one = 1.0 / DELAY.as_secs_f64();
    println!(
        "Each signature of vaultTransit and pkcs11 takes {} ms longer; one at a time, these are \
         {one_by_one:.0} per second. pkcs11 has {SESSIONS} sessions.\n",
        DELAY.as_millis()
    );
    println!(
        "| key | burst, per s | of the software key's | of one signature at a time | p50, ms | \
         p99, ms |\n|---|---|---|---|---|---|"
    );
    let medians = names.map(|name| (name, median(rounds, name)));
    let software = medians[0].1.rate;
    for (index, (name, figures)) in medians.iter().enumerate() {
        let factor = (index > 0).then(|| format!("{:.1}", figures.rate / one_by_one));
        println!(
            "| {name} | {:.0} | {:.2} | {} | {:.0} | {:.0} |",
            figures.rate,
            figures.rate / software,
            factor.as_deref().unwrap_or("-"),
            figures.p50_ms,
            figures.p99_ms,
        );
    }
    let named = |list| named("key", list);
    let results = json!({ "medians": named(&medians), "rounds": named(rounds) });
    save("keys", &results, &rates(&medians))
}

/// Prints the backlogs, and writes them to `backlog.json`. The goals are ratios to the first one.
pub(crate) fn backlog(figures: &[backlog::Figures]) -> Result<()> {
    println!(
        "| requests waiting | certificates per s | CPU s per 1,000 | of the first | first \
         certificate, s | goal, s | of another namespace meanwhile, ms | afterwards, ms | peak \
         memory, MB |\n|---|---|---|---|---|---|---|---|---|"
    );
    for one in figures {
        println!(
            "| {} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} | {:.1} |",
            one.requests,
            one.rate,
            one.cpu,
            one.cpu / figures[0].cpu,
            one.first,
            one.goal(),
            one.other_during_ms,
            one.other_after_ms,
            one.memory_mb,
        );
    }
    let panel = |title, value: fn(&backlog::Figures) -> f64| {
        Panel::new(title, figures, |it| {
            (it.requests.to_string(), Some(value(it)))
        })
    };
    let panels = [
        panel("certificates per s", |it| it.rate),
        panel("CPU s per 1,000", |it| it.cpu),
        panel("first certificate, s", |it| it.first),
        panel("peak memory, MB", |it| it.memory_mb),
    ];
    save("backlog", &serde_json::to_value(figures)?, &panels)
}

/// Prints what requests cost, and writes it to `memory.json`.
pub(crate) fn memory(figures: &memory::Figures) -> Result<()> {
    println!(
        "| | measured | goal |\n|---|---|---|\n\
         | bytes for each of {} waiting requests | {:.0} | less than {:.0} |\n\
         | peak beside {} finished requests, MB | {:.1} | less than {:.1} |\n\
         | peak without any, MB | {:.1} | |",
        figures.waiting,
        figures.bytes_each,
        memory::WAITING_GOAL,
        figures.finished,
        figures.peak_mb,
        memory::FINISHED_GOAL,
        figures.peak_without_mb,
    );
    let peaks = [
        ("0".to_owned(), figures.peak_without_mb),
        (figures.finished.to_string(), figures.peak_mb),
    ];
    let panel = Panel::new(
        "peak memory, MB, by finished requests",
        &peaks,
        |(name, mb)| (name.clone(), Some(*mb)),
    );
    save("memory", &serde_json::to_value(figures)?, &[panel])
}

/// Prints the issuers, the one without rules first, and writes them to `rules.json`.
pub(crate) fn rules(names: &[&'static str; 3], rounds: &[Round]) -> Result<()> {
    println!(
        "| rules | burst, per s | of the rate without | CPU s per 1,000, burst | of that without | \
         CPU s per 1,000, 40/s | of that without | p99, ms |\n|---|---|---|---|---|---|---|---|"
    );
    let medians = names.map(|name| (name, median(rounds, name)));
    let without = medians[0].1;
    for (name, figures) in &medians {
        println!(
            "| {name} | {:.0} | {:.2} | {} | {} | {} | {} | {:.0} |",
            figures.rate,
            figures.rate / without.rate,
            shown(figures.cpu_burst),
            shown(ratio(figures.cpu_burst, without.cpu_burst)),
            shown(figures.cpu_steady),
            shown(ratio(figures.cpu_steady, without.cpu_steady)),
            figures.p99_ms,
        );
    }
    let named = |list| named("rules", list);
    let results = json!({ "medians": named(&medians), "rounds": named(rounds) });
    save("rules", &results, &rates(&medians))
}

fn ratio(figure: Option<f64>, of: Option<f64>) -> Option<f64> {
    Some(figure? / of?)
}

/// A ratio between two contenders of one run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Goal {
    goal: String,
    at_least: bool,
    target: f64,
    measured: f64,
    reached: bool,
}

impl Goal {
    fn new(goal: String, at_least: bool, target: f64, measured: f64) -> Self {
        let reached = if at_least {
            measured >= target
        } else {
            measured <= target
        };
        Self {
            goal,
            at_least,
            target,
            measured,
            reached,
        }
    }
}

/// `cores` are those of the machine, which all servers share.
fn goals(ceiling: &Figures, cert_manager: &Figures, signet: &Figures, cores: f64) -> [Goal; 5] {
    let at_most = |goal: &str, target, figure: fn(&Figures) -> Option<f64>| {
        let ratio = figure(signet).zip(figure(cert_manager));
        let measured = ratio.map_or(f64::NAN, |(own, other)| own / other);
        Goal::new(goal.to_owned(), false, target, measured)
    };
    let bound = bound(ceiling, signet, cores);
    let added = |of: &Figures| of.p99_ms - ceiling.p99_ms;
    [
        Goal::new(
            format!("rate in the burst, of the ceiling's times the bound of {bound:.2}"),
            true,
            0.97,
            signet.rate / ceiling.rate / bound,
        ),
        at_most("CPU in the burst, of cert-manager's", 0.2, |it| {
            it.cpu_burst
        }),
        at_most("CPU at 40 per s, of cert-manager's", 0.2, |it| {
            it.cpu_steady
        }),
        at_most("peak memory, of cert-manager's", 0.25, |it| it.memory_mb),
        Goal::new(
            "what is added to the ceiling's p99 at 40 per s, of cert-manager's".to_owned(),
            false,
            1.0 / 3.0,
            added(signet) / added(cert_manager),
        ),
    ]
}

/// Returns the largest part of the ceiling's rate that is possible: on cores that are all busy,
/// Signet's own CPU time is taken from the API server.
fn bound(ceiling: &Figures, signet: &Figures, cores: f64) -> f64 {
    let per_certificate = signet.cpu_burst.unwrap_or(f64::NAN) / 1000.0;
    (per_certificate * ceiling.rate / cores + 1.0).recip()
}

/// The median of each figure of one subject. Of an even number, it is the upper of the two in the
/// middle.
fn median(rounds: &[Round], name: &str) -> Figures {
    let own = rounds.iter().filter(|(of, _)| *of == name);
    let own: Vec<_> = own.map(|(_, figures)| figures).collect();
    let middle = |pick: fn(&Figures) -> Option<f64>| {
        let mut values: Vec<_> = own.iter().filter_map(|it| pick(it)).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let figure = |pick| middle(pick).unwrap_or(f64::NAN);
    Figures {
        rate: figure(|it| Some(it.rate)),
        p50_ms: figure(|it| Some(it.p50_ms)),
        p99_ms: figure(|it| Some(it.p99_ms)),
        cpu_burst: middle(|it| it.cpu_burst),
        cpu_steady: middle(|it| it.cpu_steady),
        memory_mb: middle(|it| it.memory_mb),
        writes: figure(|it| Some(it.writes)),
    }
}

fn named(what: &str, list: &[Round]) -> Vec<Value> {
    let entry = |(name, figures): &Round| json!({ what: name, "figures": figures });
    list.iter().map(entry).collect()
}

/// Rate, latency and CPU of the subjects of a comparison.
fn rates(medians: &[Round; 3]) -> [Panel; 3] {
    [
        panel("burst, certificates per s", medians, |it| Some(it.rate)),
        panel("p99 at 40 per s, ms", medians, |it| Some(it.p99_ms)),
        panel("CPU s per 1,000, burst", medians, |it| it.cpu_burst),
    ]
}

fn panel(title: &'static str, medians: &[Round; 3], value: fn(&Figures) -> Option<f64>) -> Panel {
    Panel::new(title, medians, |(name, figures)| {
        ((*name).to_owned(), value(figures))
    })
}

/// Writes the figures, and the plot of them, into `bench/` in the target folder.
fn save(name: &str, results: &Value, panels: &[Panel]) -> Result<()> {
    let folder = target().join("bench");
    fs::create_dir_all(&folder)?;
    let text = serde_json::to_string_pretty(results)?;
    for (extension, text) in [("json", text), ("svg", plot::svg(panels)?)] {
        let file = folder.join(name).with_extension(extension);
        fs::write(&file, text)?;
        println!("\nwritten to {}", file.display());
    }
    Ok(())
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
    fn the_median_is_of_one_subject_and_of_what_was_measured() {
        for (rates, expected) in [
            (&[3.0][..], 3.0),
            (&[9.0, 1.0, 4.0], 4.0),
            (&[4.0, 4.0, 1.0], 4.0),
            // Of an even number, the upper of the two in the middle.
            (&[1.0, 2.0], 2.0),
        ] {
            let mut rounds = vec![("ceiling", figures(1000.0, 1.0, None, None))];
            let own = rates
                .iter()
                .map(|rate| ("signet", figures(*rate, 1.0, Some(*rate), None)));
            rounds.extend(own);
            let median = median(&rounds, "signet");
            assert!((median.rate - expected).abs() < 1e-9, "{rates:?}");
            assert_eq!(median.cpu_burst, Some(expected), "{rates:?}");
            assert_eq!(median.memory_mb, None, "{rates:?}");
        }
        assert!(median(&[], "signet").rate.is_nan());
    }

    #[test]
    fn goals_compare_with_the_ceiling_and_with_cert_manager() {
        let ceiling = figures(100.0, 3.0, None, None);
        let cert_manager = figures(50.0, 30.0, Some(10.0), Some(100.0));
        // With 2 s for 1,000 certificates on two cores, a tenth of the ceiling's rate is lost.
        for (signet, reached) in [
            (figures(89.0, 12.0, Some(2.0), Some(25.0)), [true; 5]),
            (figures(84.0, 13.0, Some(3.0), Some(30.0)), [false; 5]),
            (
                figures(96.0, 13.0, None, Some(20.0)),
                [false, false, false, true, false],
            ),
        ] {
            let goals = goals(&ceiling, &cert_manager, &signet, 2.0);
            assert_eq!(goals.map(|goal| goal.reached), reached, "{signet:?}");
        }
    }

    #[test]
    fn the_bound_is_what_the_signers_own_cpu_leaves() {
        let ceiling = figures(200.0, 3.0, None, None);
        let bound = |cpu| bound(&ceiling, &figures(1.0, 1.0, Some(cpu), None), 2.0);
        assert!((bound(0.0) - 1.0).abs() < 1e-9);
        // Half a millisecond for each of 200 is a tenth of a second, of two.
        assert!((bound(0.5) - 1.0 / 1.05).abs() < 1e-9);
    }
}
