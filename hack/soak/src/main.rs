//! `cargo xtask soak`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool prints"
)]

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use signet_soak::bed::Bed;
use signet_soak::mesh::{self, MeshOutcome, MeshScenario, MeshSizes};
use signet_soak::{History, Outcome, Pace, Scenario, Sizes, plot, report};
use signet_testbed::installation::target;

/// Connects TLS servers and clients while every link above their certificates is replaced. Fails if
/// a handshake does, or if none does in the control.
#[derive(Parser)]
struct Arguments {
    /// The form of `cargo xtask test`.
    #[arg(long)]
    short: bool,
    /// Connects the workloads of this mesh, which signs with the CA of a MeshCA.
    #[arg(long, value_enum)]
    mesh: Option<Mesh>,
    /// The minimum number of handshakes; with --mesh, through each kind of rotation.
    #[arg(long)]
    handshakes: Option<u64>,
    /// The minimum number of rotations of each kind.
    #[arg(long, conflicts_with = "mesh")]
    rotations: Option<usize>,
    /// Handshakes per second, at most.
    #[arg(long)]
    rate: Option<u32>,
}

/// A mesh that runs without a kubelet.
#[derive(Clone, Copy, ValueEnum)]
enum Mesh {
    Istio,
}

impl Arguments {
    fn sizes(&self) -> Sizes {
        let sizes = match self.short {
            true => Sizes::short(),
            false => Sizes::long(),
        };
        Sizes {
            handshakes: self.handshakes.unwrap_or(sizes.handshakes),
            rotations: self.rotations.unwrap_or(sizes.rotations),
            pace: self.pace(sizes.pace),
            ..sizes
        }
    }

    fn mesh_sizes(&self) -> MeshSizes {
        let sizes = match self.short {
            true => MeshSizes::short(),
            false => MeshSizes::long(),
        };
        MeshSizes {
            handshakes: self.handshakes.unwrap_or(sizes.handshakes),
            pace: self.pace(sizes.pace),
            ..sizes
        }
    }

    fn pace(&self, pace: Pace) -> Pace {
        let rate = self.rate.unwrap_or(pace.rate);
        Pace { rate, ..pace }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.mesh {
        Some(Mesh::Istio) => soak_mesh(&arguments.mesh_sizes()).await,
        None => soak(&arguments.sizes()).await,
    };
    match ended {
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

async fn soak_mesh(sizes: &MeshSizes) -> Result<()> {
    let bed = Bed::start().await?;
    let mut outcomes = Vec::new();
    for scenario in [MeshScenario::Control, MeshScenario::Rotations] {
        outcomes.push(mesh::run(&bed, scenario, sizes).await?);
        eprintln!();
    }
    outcomes.reverse();
    write_mesh(&outcomes, sizes)?;
    outcomes.iter().try_for_each(|outcome| outcome.check(sizes))
}

fn write(outcomes: &[Outcome], sizes: &Sizes) -> Result<()> {
    let plots = outcomes.iter();
    let plots = plots.map(|it| (report::svg_name(it.scenario), &it.history));
    let mut summary = String::new();
    report::summary(&mut summary, outcomes);
    write_all(
        plots,
        "report.md",
        &report::markdown(outcomes, sizes),
        &summary,
    )
}

fn write_mesh(outcomes: &[MeshOutcome], sizes: &MeshSizes) -> Result<()> {
    let plots = outcomes.iter();
    let plots = plots.map(|it| (mesh::svg_name(it.scenario), &it.history));
    let mut summary = String::new();
    mesh::summary(&mut summary, outcomes);
    write_all(plots, "mesh.md", &mesh::markdown(outcomes, sizes), &summary)
}

/// Writes the plots and the report, and prints the summary.
fn write_all<'a, N: AsRef<Path>>(
    plots: impl Iterator<Item = (N, &'a History)>,
    name: &str,
    report: &str,
    summary: &str,
) -> Result<()> {
    let folder = target().join("soak");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, history) in plots {
        fs::write(folder.join(name), plot::svg(history))?;
    }
    let file = folder.join(name);
    fs::write(&file, report)?;
    println!("{summary}\nThe report is in {}", file.display());
    Ok(())
}
