//! The keeper of a control plane, as a program. The library starts it; people run `build`.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use signet_testbed::controlplane::{Options, Program, Toolchain, keeper};

/// Keeps a Kubernetes control plane with cert-manager running.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build programs that are not in the cache yet, and print where they are.
    Build {
        /// etcd, kube-apiserver, kube-controller-manager, kubectl, cert-manager, helm; all if none
        /// is given.
        #[arg(value_parser = program)]
        programs: Vec<Program>,
    },
    /// Run a control plane until standard input ends, or until SIGTERM.
    Serve {
        /// The options as JSON, as the library writes them.
        #[arg(long, value_parser = options)]
        options: Options,
        /// Once all is ready, go on when standard input ends.
        #[arg(long)]
        outlive_starter: bool,
    },
    /// Become the given program, and die with the keeper.
    #[command(hide = true)]
    Child {
        /// The keeper's process id.
        #[arg(long)]
        parent: u32,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

fn options(json: &str) -> serde_json::Result<Options> {
    serde_json::from_str(json)
}

fn program(name: &str) -> Result<Program, String> {
    let program = Program::ALL
        .into_iter()
        .find(|program| program.name() == name);
    program.ok_or_else(|| "no such program".to_owned())
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Build { programs } => build(&programs),
        Command::Serve {
            options,
            outlive_starter,
        } => {
            // One thread, because the servers live as long as the thread that started them.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(keeper::serve(&options, outlive_starter))
        }
        Command::Child { parent, command } => keeper::become_child(parent, &command),
    }
}

fn build(programs: &[Program]) -> Result<()> {
    let toolchain = Toolchain::new()?;
    let programs = if programs.is_empty() {
        &Program::ALL
    } else {
        programs
    };
    for program in programs {
        writeln!(std::io::stdout(), "{}", toolchain.path(*program)?.display())?;
    }
    Ok(())
}
