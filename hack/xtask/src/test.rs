//! `cargo xtask test`: lints, supply chain, generated files, then the tiers of tests.

mod child;
mod report;
mod step;
mod tier;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::Args;

use child::Children;
use report::{Report, Verdict};
pub(crate) use tier::Tier;

/// The arguments of `test`.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// What to run; everything, in this order, if none is given.
    tier: Option<Tier>,
    /// Arguments for the test programs of the tier, such as part of a test's name.
    #[arg(last = true, requires = "tier")]
    arguments: Vec<String>,
}

/// Runs every step, the later ones even if an earlier one failed, and sums up: the count of what
/// passed and failed is the last line.
pub(crate) async fn run(root: &Path, settings: &Test) -> Result<ExitCode> {
    let tiers = settings
        .tier
        .map_or_else(|| Tier::ALL.to_vec(), |tier| vec![tier]);
    let mut children = Children::new()?;
    let mut report = Report::default();
    for step in tier::steps(root, &tiers, &settings.arguments)? {
        println!("\n── {} ──", step.name);
        let begin = Instant::now();
        let verdict = match step.run(root, &mut children).await {
            Ok(()) => Verdict::Passed,
            Err(error) if children.interrupted() => {
                eprintln!("{error:#}");
                Verdict::Interrupted
            }
            Err(error) => {
                eprintln!("error: {error:#}");
                Verdict::Failed
            }
        };
        report.add(step.name, verdict, begin.elapsed());
        if verdict == Verdict::Interrupted {
            break;
        }
    }
    print!("\n{report}");
    Ok(report.exit_code())
}
