//! `signet check`: what an installation is missing, on one page.
//!
//! [`observe`](observe::facts) reads the [`facts`]; the other modules judge them, each a section of
//! the [`report`].

mod cert_manager;
mod crds;
mod facts;
mod issuers;
mod lease;
mod observe;
mod permissions;
mod report;
mod requests;
mod reviewer;
#[cfg(test)]
mod tests;

use std::io::{Write, stdout};
use std::process::ExitCode;

use jiff::Timestamp;

use super::client::{self, Cluster};
use super::style::Style;
use crate::args::Check;
use facts::Facts;
use report::Report;

/// Checks an installation, prints the report, and returns the exit code: 0 if nothing is missing, 1
/// if something is, 2 if something cannot be checked.
///
/// # Errors
/// No command can run in this process.
pub fn check(settings: &Check) -> anyhow::Result<ExitCode> {
    client::run("check", async {
        let cluster = Cluster::connect(&settings.connection).await?;
        let facts = observe::facts(settings, &cluster, Timestamp::now()).await;
        let report = judge(settings, &facts);
        let text = report.text(settings.output, Style::of_stdout());
        writeln!(stdout(), "{text}")?;
        Ok(report.exit_code())
    })
}

/// Judges the facts. Pure.
fn judge(settings: &Check, facts: &Facts) -> Report {
    let mut findings = crds::findings(&facts.crds);
    findings.extend(permissions::findings(
        &settings.service_account,
        &facts.reviews,
    ));
    findings.extend(cert_manager::findings(settings, facts));
    findings.extend(lease::findings(settings, facts));
    for listed in &facts.issuers {
        findings.extend(issuers::findings(listed, facts.now));
    }
    for of_api in &facts.requests {
        findings.extend(requests::findings(of_api, facts.now));
    }
    Report::new(&facts.kubernetes, &facts.user, findings)
}
