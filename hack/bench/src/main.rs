//! Measures Signet beside cert-manager's CA issuer and beside the ceiling, or slow keys beside the
//! software key, in turn, on one real control plane. `docs/performance.md` says how to read what it prints.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool talks to its terminal"
)]

mod ca;
mod contender;
mod driver;
mod keys;
mod observe;
mod process;
mod report;
mod round;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use signet_testbed::controlplane::{CertManagerOptions, ControlPlane, Options};

use contender::{Bench, Contender};
use round::{Figures, Sizes};

/// Measures Signet beside cert-manager's CA issuer and beside the ceiling, or slow keys beside the
/// software key.
#[derive(Parser)]
struct Arguments {
    /// What is measured: without a word, Signet beside cert-manager and the ceiling.
    what: Option<What>,
    /// How often everything is measured; the report has the medians.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[command(flatten)]
    sizes: Sizes,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Keys that take 20 ms for a signature beside the software key.
    Keys,
}

/// The namespace of the requests.
const REQUESTS: &str = "bench";
/// The name of every ClusterIssuer.
const ISSUER: &str = "bench";

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another crypto provider was installed before"))?;
    let options = Options {
        cert_manager: Some(CertManagerOptions::default()),
        // It would cost the API server CPU on each request, for all alike.
        audit_log: false,
        ..Options::default()
    };
    eprintln!("starting a control plane");
    let mut bench = Bench::prepare(ControlPlane::start(&options).await?).await?;
    match arguments.what {
        None => contenders(&mut bench, arguments.rounds, arguments.sizes).await,
        Some(What::Keys) => keys::measure(&mut bench, arguments.rounds, arguments.sizes).await,
    }
}

async fn contenders(bench: &mut Bench, rounds_wanted: usize, sizes: Sizes) -> Result<()> {
    let mut rounds: Vec<(Contender, Figures)> = Vec::new();
    for round in 1..=rounds_wanted {
        for contender in Contender::ALL {
            eprintln!("round {round} of {rounds_wanted}: {contender}");
            let figures = round::measure(bench, contender, sizes).await?;
            eprintln!("  {}", report::line(&figures));
            rounds.push((contender, figures));
        }
    }
    report::finish(&rounds)
}
