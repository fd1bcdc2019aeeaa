//! Signet's project commands. `cargo xtask help` lists them.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool prints"
)]

mod bench;
mod demo;
mod fuzz;
mod generate;
mod image;
mod interrupt;
mod keep;
mod quote;
mod release;
mod session;
mod soak;
mod storm;
mod test;
mod up;
mod verify;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use signet_testbed::installation::checkout;

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Signet's project commands"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts a cluster with cert-manager and Signet, leaves it running, and prints how to reach
    /// it.
    Up(up::Up),
    /// Stops what `up` or `demo` left running, and removes it.
    Down(session::State),
    /// Runs `up`, then applies the README's samples, or those of a key backend, and prints each
    /// command.
    Demo(demo::Demo),
    /// Measures Signet, cert-manager's CA issuer and the ceiling, or slow keys and the software
    /// key.
    Bench(bench::Bench),
    /// Connects TLS servers and clients while every link above their certificates is replaced and
    /// the operator is killed.
    Soak(soak::Soak),
    /// Kills the operator, one of two replicas, the API server and etcd at random while 500 requests
    /// are in flight.
    Storm(storm::Storm),
    /// Builds the operator's image, an OCI archive, without a container engine.
    Image(image::Image),
    /// Builds everything that users of a version download, in target/release-set.
    Release(release::Release),
    /// Keeps a server of `up` or `demo`.
    #[command(hide = true)]
    Keep(keep::Keep),
    /// Generates files from code: the CRDs, the chart's CRD templates, the reference pages.
    Generate,
    /// Checks generated files, crate directions, citations, samples, links and words.
    Verify,
    /// Runs libFuzzer on the readers of untrusted input.
    Fuzz(fuzz::Fuzz),
    /// Runs lints, supply chain checks, `verify` and every tier of tests, or one of these.
    Test(test::Test),
}

fn main() -> ExitCode {
    match execute(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<ExitCode> {
    let root = checkout();
    match command {
        Command::Up(settings) => {
            let home = settings.state.home()?;
            let started = home.clone();
            let up = move || up::up(started, settings);
            let session = wait_for(interrupt::undo_on_signal(up, home.undo()))?;
            up::print_export(&session);
        }
        Command::Down(state) => wait_for(up::down(state.home()?))?,
        Command::Demo(settings) => {
            let home = settings.up.state.home()?;
            let started = home.clone();
            let demo = move || demo::run(root, started, settings);
            wait_for(interrupt::undo_on_signal(demo, home.undo()))?;
        }
        Command::Bench(settings) => bench::run(&settings)?,
        Command::Soak(settings) => soak::run(&settings)?,
        Command::Storm(settings) => storm::run(&settings)?,
        Command::Image(settings) => wait_for(image::run(&root, &settings))?,
        Command::Release(settings) => release::run(&root, &settings)?,
        Command::Keep(settings) => wait_for(keep::run(settings))?,
        Command::Generate => generate::run(&root)?,
        Command::Verify => verify::run(&root)?,
        Command::Fuzz(settings) => fuzz::run(&root, &settings)?,
        Command::Test(settings) => return wait_for(test::run(&root, &settings)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs what talks to an API server.
fn wait_for<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(work)
}
