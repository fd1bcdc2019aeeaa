//! The `signet` program.

use std::process::ExitCode;

use signet::args::{Cli, Command, Policy};
use signet::{inspect, offline, run, version};

fn main() -> anyhow::Result<ExitCode> {
    match Cli::from_process().command {
        Command::Run(settings) => run::main(*settings)?,
        Command::Policy(Policy::Show(settings)) => offline::show(&settings)?,
        Command::Check(settings) => return inspect::check(&settings),
        Command::Status(settings) => return inspect::status(&settings),
        Command::Version(settings) => version::show(&settings)?,
        Command::Decide(settings) => return Ok(offline::decide(&settings)),
        #[cfg(feature = "pkcs11")]
        Command::Pkcs11Module => run::pkcs11_module()?,
    }
    Ok(ExitCode::SUCCESS)
}
