//! `signet status`: the CA of an issuer as a tree, and what waits for whom.
//!
//! [`observe`] reads the [`facts`]; [`generations`], [`tree`], [`unreadable`] and [`waits`] arrange
//! them, and [`report`] prints them.

mod facts;
mod generations;
mod observe;
mod report;
#[cfg(test)]
mod tests;
mod tree;
mod unreadable;
mod waits;

use std::io::{Write, stdout};
use std::process::ExitCode;

use jiff::Timestamp;

use super::client::{self, Cluster};
use super::style::Style;
use crate::args::Status;
use report::Report;

/// Prints the CA of an issuer, and returns the exit code: 0 if the issuer is ready, 1 if it is not,
/// 2 if it cannot be read.
///
/// # Errors
/// No command can run in this process.
pub fn status(settings: &Status) -> anyhow::Result<ExitCode> {
    client::run("status", async {
        let cluster = Cluster::connect(&settings.connection).await?;
        let now = Timestamp::now();
        let facts = observe::facts(settings, &cluster, now).await?;
        let report = Report::new(&facts);
        let text = report.text(settings.output, Style::of_stdout());
        writeln!(stdout(), "{text}")?;
        Ok(report.exit_code())
    })
}
