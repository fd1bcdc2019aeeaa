//! The `signet` program.

use clap::Parser;

fn main() -> anyhow::Result<()> {
    signet::args::Cli::parse().execute()
}
