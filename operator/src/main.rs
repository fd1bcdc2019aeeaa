//! The `signet` program.

use std::process::ExitCode;

use clap::Parser;
use signet::args::{Cli, Command, Policy};
use signet::{offline, run};

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Run(settings) => run::main(*settings)?,
        Command::Policy(Policy::Show(settings)) => offline::show(&settings)?,
        Command::Decide(settings) => return Ok(offline::decide(&settings)),
    }
    Ok(ExitCode::SUCCESS)
}
