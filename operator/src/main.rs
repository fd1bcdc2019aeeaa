//! The `signet` program.

use clap::Parser;
use signet::args::{Cli, Command};

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Run(settings) => signet::run::main(*settings),
    }
}
