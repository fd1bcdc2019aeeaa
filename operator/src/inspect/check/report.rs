//! What was found, as text or JSON.

use std::fmt::Write;
use std::process::ExitCode;

use jiff::Timestamp;
use serde::Serialize;

use crate::args::OutputFormat;
use crate::inspect::style::{Color, Style};
use crate::printable::{json, printable};
use crate::version::VERSION;

/// The result of a check.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// The worst level of all findings.
    result: Level,
    version: &'static str,
    kubernetes: String,
    user: String,
    findings: Vec<Finding>,
}

/// One thing that was checked.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    section: Section,
    subject: String,
    level: Level,
    message: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

/// A part of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Section {
    #[serde(rename = "CRDs")]
    Crds,
    Permissions,
    #[serde(rename = "cert-manager")]
    CertManager,
    Operator,
    Issuers,
    Requests,
}

/// How bad it is, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum Level {
    Ok,
    /// Nothing is missing yet.
    Warning,
    /// It could not be checked.
    Unknown,
    Problem,
}

/// What programs read of a finding.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Details {
    #[serde(rename_all = "camelCase")]
    Version { version: String },
    #[serde(rename_all = "camelCase")]
    Issuer {
        is_ready: bool,
        /// Of the condition Ready; none if no operator has observed the issuer.
        reason: Option<String>,
        key: String,
        /// None if the conditions do not say it.
        is_key_reachable: Option<bool>,
        /// The end of the validity of the CA certificate and those above it.
        ca_not_after: Option<Timestamp>,
    },
    #[serde(rename_all = "camelCase")]
    Requests {
        /// How many wait for the same.
        waiting: usize,
        /// Namespace and name of the one that has waited longest.
        oldest: Option<String>,
        waiting_since: Option<Timestamp>,
    },
}

impl Section {
    const ALL: [Self; 6] = [
        Self::Crds,
        Self::Permissions,
        Self::CertManager,
        Self::Operator,
        Self::Issuers,
        Self::Requests,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Crds => "CRDs",
            Self::Permissions => "Permissions",
            Self::CertManager => "cert-manager",
            Self::Operator => "Operator",
            Self::Issuers => "Issuers",
            Self::Requests => "Requests",
        }
    }
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Problem => "problem",
        }
    }

    const fn color(self) -> Color {
        match self {
            Self::Ok => Color::Green,
            Self::Warning | Self::Unknown => Color::Yellow,
            Self::Problem => Color::Red,
        }
    }
}

impl Finding {
    pub(super) fn new(
        section: Section,
        level: Level,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            section,
            subject: subject.into(),
            level,
            message: message.into(),
            details: None,
        }
    }

    pub(super) fn with(self, details: Details) -> Self {
        Self {
            details: Some(details),
            ..self
        }
    }

    #[cfg(test)]
    pub(super) fn parts(&self) -> (Level, &str, &str) {
        (self.level, &self.subject, &self.message)
    }

    #[cfg(test)]
    pub(super) fn details(&self) -> Option<&Details> {
        self.details.as_ref()
    }

    fn text(&self, style: Style) -> String {
        let width = Level::Problem.as_str().len();
        let level = format!("{:width$}", self.level.as_str());
        let level = style.paint(self.level.color(), &level);
        let (subject, message) = (printable(&self.subject), printable(&self.message));
        format!("  {level}  {subject}: {message}")
    }
}

impl Report {
    pub(super) fn new(kubernetes: &str, user: &str, findings: Vec<Finding>) -> Self {
        let result = findings.iter().map(|finding| finding.level).max();
        Self {
            result: result.unwrap_or(Level::Ok),
            version: VERSION,
            kubernetes: kubernetes.to_owned(),
            user: user.to_owned(),
            findings,
        }
    }

    #[cfg(test)]
    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// A problem that was found counts before what could not be checked.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    pub(super) const fn code(&self) -> u8 {
        match self.result {
            Level::Ok | Level::Warning => 0,
            Level::Problem => 1,
            Level::Unknown => 2,
        }
    }

    pub(super) fn text(&self, format: OutputFormat, style: Style) -> String {
        match format {
            OutputFormat::Json => json(self),
            OutputFormat::Text => self.page(style),
        }
    }

    fn page(&self, style: Style) -> String {
        let (kubernetes, user) = (printable(&self.kubernetes), printable(&self.user));
        let mut page = format!("signet {VERSION} on Kubernetes {kubernetes}, as {user}\n");
        for section in Section::ALL {
            let mut findings = self.findings.iter().filter(|it| it.section == section);
            let first = findings.next();
            if first.is_some() {
                let _ = write!(page, "\n{}\n", section.as_str());
            }
            for finding in first.into_iter().chain(findings) {
                let _ = writeln!(page, "{}", finding.text(style));
            }
        }
        let _ = write!(page, "\n{}", self.summary());
        page
    }

    fn summary(&self) -> String {
        let count = |level| {
            let found = self.findings.iter().filter(|it| it.level == level);
            found.count()
        };
        let counted = [
            (count(Level::Problem), "problem", "problems"),
            (count(Level::Unknown), "unknown", "unknown"),
            (count(Level::Warning), "warning", "warnings"),
        ];
        let counted = counted.into_iter().filter(|(number, ..)| *number > 0);
        let counted: Vec<_> = counted
            .map(|(number, one, many)| match number {
                1 => format!("1 {one}"),
                _ => format!("{number} {many}"),
            })
            .collect();
        match counted.is_empty() {
            true => "Nothing is missing.".to_owned(),
            false => format!("{}.", counted.join(", ")),
        }
    }
}
