//! `cargo xtask soak`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool prints"
)]

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use signet_soak::bed::Bed;
use signet_soak::{Outcome, Pace, Scenario, Sizes, plot, report};
use signet_testbed::installation::target;

/// Connects TLS servers and clients while every link above their certificates is replaced. Fails if
/// a handshake does, or if none does in the control.
#[derive(Parser)]
struct Arguments {
    /// The form of `cargo xtask test`: two rotations of each kind.
    #[arg(long)]
    short: bool,
    /// The minimum number of handshakes.
    #[arg(long)]
    handshakes: Option<u64>,
    /// The minimum number of rotations of each kind.
    #[arg(long)]
    rotations: Option<usize>,
    /// Handshakes per second, at most.
    #[arg(long)]
    rate: Option<u32>,
}

impl Arguments {
    fn sizes(&self) -> Sizes {
        let sizes = if self.short {
            Sizes::short()
        } else {
            Sizes::long()
        };
        let rate = self.rate.unwrap_or(sizes.pace.rate);
        Sizes {
            handshakes: self.handshakes.unwrap_or(sizes.handshakes),
            rotations: self.rotations.unwrap_or(sizes.rotations),
            pace: Pace { rate, ..sizes.pace },
            ..sizes
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match soak(&Arguments::parse().sizes()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn soak(sizes: &Sizes) -> Result<()> {
    let bed = Bed::start().await?;
    let mut outcomes = Vec::new();
    for scenario in [Scenario::Control, Scenario::Overlap] {
        outcomes.push(signet_soak::run(&bed, scenario, sizes).await?);
        eprintln!();
    }
    outcomes.reverse();
    write(&outcomes, sizes)?;
    outcomes.iter().try_for_each(|outcome| outcome.check(sizes))
}

/// Writes the report and the plots, and prints the summary.
fn write(outcomes: &[Outcome], sizes: &Sizes) -> Result<()> {
    let folder = target().join("soak");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for outcome in outcomes {
        let file = folder.join(report::svg_name(outcome.scenario));
        fs::write(file, plot::svg(outcome))?;
    }
    let file = folder.join("report.md");
    fs::write(&file, report::markdown(outcomes, sizes))?;
    let mut summary = String::new();
    report::summary(&mut summary, outcomes);
    println!("{summary}\nThe report is in {}", file.display());
    Ok(())
}
