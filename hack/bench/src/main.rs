//! Measures Signet beside cert-manager's CA issuer and beside the ceiling, in turn, on one real
//! control plane. `docs/performance.md` says how to read what it prints.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool talks to its terminal"
)]

mod ca;
mod contender;
mod driver;
mod observe;
mod process;
mod report;
mod round;

use anyhow::Result;
use clap::Parser;
use signet_controlplane::{CertManagerOptions, ControlPlane, Options};

use contender::{Bench, Contender};
use round::Figures;

/// Measures Signet beside cert-manager's CA issuer and beside the ceiling.
#[derive(Parser)]
struct Arguments {
    /// How often everything is measured; the report has the medians.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// The namespace of the requests.
const REQUESTS: &str = "bench";
/// The name of every ClusterIssuer.
const ISSUER: &str = "bench";

#[tokio::main]
async fn main() -> Result<()> {
    let rounds_wanted = Arguments::parse().rounds;
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
    let mut bench = Bench::prepare(ControlPlane::start(&options)?).await?;
    let mut rounds: Vec<(Contender, Figures)> = Vec::new();
    for round in 1..=rounds_wanted {
        for contender in Contender::ALL {
            eprintln!("round {round} of {rounds_wanted}: {contender}");
            let figures = round::measure(&mut bench, contender).await?;
            eprintln!("  {}", report::line(&figures));
            rounds.push((contender, figures));
        }
    }
    report::finish(&rounds)
}
