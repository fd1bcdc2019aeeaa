//! The decisions, as text or JSON.

use std::fmt::Write;
use std::process::ExitCode;

use serde::Serialize;
use signet_core::duration;
use signet_core::forecast::subject_text;
use signet_core::policy::{Denial, Kind, Terms};
use signet_core::x509::usages;

use crate::args::OutputFormat;
use crate::issuer_name::IssuerName;
use crate::printable::{json, printable};

/// The decisions on all requests in the files.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    decisions: Vec<Outcome>,
    /// How many objects in the files are neither issuers, namespaces nor requests to issuers of
    /// Signet.
    ignored: usize,
}

/// The decision on one request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    request: String,
    issuer: String,
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    assumptions: Vec<String>,
}

#[derive(Debug)]
pub(super) enum Verdict {
    Granted(Box<Terms>),
    Denied(Denial),
    /// Why not.
    Undecided(String),
}

/// A verdict as it is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Printed<'a> {
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate>,
}

/// What the certificate would contain.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    rule: String,
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    spiffe_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dns_names: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ip_addresses: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    email_addresses: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    uris: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    other_names: usize,
    usages: Vec<String>,
    key: String,
    duration: String,
    #[serde(rename = "isCA")]
    is_ca: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_length: Option<u8>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Report {
    pub(super) fn new(ignored: usize) -> Self {
        Self {
            decisions: Vec::new(),
            ignored,
        }
    }

    pub(super) fn add(&mut self, outcome: Outcome) {
        self.decisions.push(outcome);
    }

    pub(super) fn ignore(&mut self) {
        self.ignored += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.decisions.is_empty()
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        let mut verdicts = self.decisions.iter().map(|outcome| &outcome.verdict);
        if verdicts
            .clone()
            .any(|verdict| matches!(verdict, Verdict::Undecided(_)))
        {
            return ExitCode::from(2);
        }
        match verdicts.any(|verdict| matches!(verdict, Verdict::Denied(_))) {
            true => ExitCode::from(1),
            false => ExitCode::SUCCESS,
        }
    }

    pub(super) fn text(&self, format: OutputFormat) -> String {
        match format {
            OutputFormat::Json => json(self),
            OutputFormat::Text => {
                let decisions = self.decisions.iter().map(Outcome::text);
                let mut text = decisions.collect::<Vec<_>>().join("\n");
                if self.ignored > 0 {
                    let _ = write!(text, "\n{} other objects were ignored.", self.ignored);
                }
                text
            }
        }
    }
}

impl Outcome {
    pub(super) fn new(request: &str, issuer: &IssuerName, assumptions: Vec<String>) -> Self {
        Self {
            request: request.to_owned(),
            issuer: issuer.to_string(),
            verdict: Verdict::Undecided(String::new()),
            assumptions,
        }
    }

    fn text(&self) -> String {
        let printed = self.verdict.print();
        let (request, issuer) = (printable(&self.request), printable(&self.issuer));
        let mut text = format!("{request} by {issuer}: {}", printed.decision);
        if let Some(reason) = printed.reason {
            let _ = write!(text, " ({reason})");
        }
        if let Some(message) = printed.message {
            let message = printable(message);
            let _ = write!(text, "\n  {message}");
        }
        for (name, value) in printed.certificate.iter().flat_map(Certificate::lines) {
            let value = printable(&value);
            let _ = write!(text, "\n  {name}: {value}");
        }
        for assumption in &self.assumptions {
            let assumption = printable(assumption);
            let _ = write!(text, "\n  assumed: {assumption}");
        }
        text
    }
}

impl Verdict {
    fn print(&self) -> Printed<'_> {
        let printed = |decision| Printed {
            decision,
            reason: None,
            message: None,
            certificate: None,
        };
        match self {
            Self::Granted(terms) => Printed {
                certificate: Some(Certificate::of(terms)),
                ..printed("Granted")
            },
            Self::Denied(denial) => Printed {
                reason: Some(denial.reason.as_str()),
                message: Some(&denial.message),
                ..printed("Refused")
            },
            Self::Undecided(message) => Printed {
                message: Some(message),
                ..printed("Undecided")
            },
        }
    }
}

impl Serialize for Verdict {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.print().serialize(serializer)
    }
}

impl Certificate {
    fn of(terms: &Terms) -> Self {
        let names = terms.subject_alt_names.clone().unwrap_or_default();
        let spiffe_id = terms.spiffe_id.as_ref().map(ToString::to_string);
        let uris = names.uris().iter();
        let uris = uris.filter(|&uri| Some(uri) != spiffe_id.as_ref());
        Self {
            rule: terms.rule.clone(),
            subject: subject_text(&terms.subject_der),
            dns_names: names.dns().to_vec(),
            ip_addresses: names.ips().iter().map(ToString::to_string).collect(),
            email_addresses: names.emails().to_vec(),
            uris: uris.cloned().collect(),
            other_names: names.others(),
            usages: usage_names(terms),
            key: terms.public_key.algorithm().to_string(),
            duration: duration::text(terms.duration),
            is_ca: terms.kind != Kind::Leaf,
            path_length: match terms.kind {
                Kind::Leaf => None,
                Kind::Ca { path_length } => Some(path_length),
            },
            spiffe_id,
        }
    }

    /// What is empty is left out.
    fn lines(&self) -> Vec<(&'static str, String)> {
        let lines = [
            ("rule", self.rule.clone()),
            ("SPIFFE ID", self.spiffe_id.clone().unwrap_or_default()),
            ("subject", self.subject.clone()),
            ("DNS names", self.dns_names.join(", ")),
            ("IP addresses", self.ip_addresses.join(", ")),
            ("email addresses", self.email_addresses.join(", ")),
            ("URIs", self.uris.join(", ")),
            (
                "otherNames",
                match self.other_names {
                    0 => String::new(),
                    count => count.to_string(),
                },
            ),
            ("usages", self.usages.join(", ")),
            ("key", self.key.clone()),
            ("lifetime", self.duration.clone()),
            (
                "CA",
                self.path_length
                    .map_or_else(String::new, |length| format!("yes, path length {length}")),
            ),
        ];
        let lines = lines.into_iter().filter(|(_, value)| !value.is_empty());
        lines.collect()
    }
}

fn usage_names(terms: &Terms) -> Vec<String> {
    let purposes = terms.usages.extended.iter();
    let purposes = purposes.map(|purpose| {
        usages::purpose_name(*purpose).map_or_else(|| purpose.to_string(), str::to_owned)
    });
    let keys = usages::names(terms.usages.key).map(str::to_owned);
    keys.chain(purposes).collect()
}
