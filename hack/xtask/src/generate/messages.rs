//! `docs/reference/messages.md`: every message that Signet writes, to be read side by side.
//!
//! Of the error types of `signet-core` and `signet-keys` there is a sample of each variant. All others are read out
//! of the source as they stand there, with braces around what is filled in.

mod source;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use anyhow::Result;
use signet_core::ca::ChainError;
use signet_core::issue::IssueError;
use signet_core::reason::Reason;
use signet_core::request::NotServiceAccount;
use signet_core::request::csr::{CsrError, PemError};
use signet_core::samples::Samples;
use signet_core::spiffe::SpiffeIdError;
use signet_core::x509::names::NamesError;
use signet_core::x509::public_key::PublicKeyError;
use signet_core::x509::usages::UnknownUsage;
use signet_keys::{SampleTable, sample_tables};

use super::{Files, Table};
use source::{Kind, Message};

/// Folders of the product, each a heading of the page.
const CRATES: [(&str, &str); 4] = [
    ("operator/core/src", "Decisions and errors of core"),
    ("operator/keys/src", "Keys"),
    ("operator/api/src", "Validation of the API"),
    (
        "operator/src",
        "The operator: conditions, events, flags and log",
    ),
];

/// Adds the page.
pub(super) fn add(root: &Path, files: &mut Files) -> Result<()> {
    let mut page = format!(
        "# Messages\n\n{}\n\nWhat Signet writes into conditions, events, responses and its log. \
         [Reasons](reasons.md) are on a page of their own.\n\n## Samples\n\nA sample of each error \
         that is an enum.\n",
        super::NOTE
    );
    page += &samples("CSRs", |error: &CsrError| Some(error.reason()));
    page += &samples("PEM of a CSR", |_: &PemError| Some(Reason::InvalidCsr));
    page += &samples("Public keys", |error: &PublicKeyError| {
        Some(CsrError::Key(error.clone()).reason())
    });
    page += &samples("Names", |_: &NamesError| Some(Reason::InvalidName));
    page += &samples("Usages", |_: &UnknownUsage| Some(Reason::InvalidUsages));
    page += &samples("SPIFFE IDs", |_: &SpiffeIdError| None);
    page += &samples("CA chains", |_: &ChainError| None);
    page += &samples("Issuing", |error: &IssueError| Some(error.reason()));
    page += &samples("Requesters", |_: &NotServiceAccount| None);
    page.extend(sample_tables().iter().map(of_keys));
    for (folder, heading) in CRATES {
        page += &format!("\n## {heading}\n");
        page += &of_crate(&source::messages(root, Path::new(folder))?);
    }
    files.insert("docs/reference/messages.md".into(), page);
    Ok(())
}

/// A table of the samples of an error type, with the reason that goes with each.
fn samples<E: Samples + Error>(heading: &str, reason: impl Fn(&E) -> Option<Reason>) -> String {
    let mut table = Table::new(["Error", "Reason", "Message"]);
    for (variant, error) in E::samples() {
        let reason = reason(&error).map_or_else(String::new, |it| format!("`{}`", it.as_str()));
        table.row([format!("`{variant}`"), reason, error.to_string()]);
    }
    format!("\n### {heading}\n\n{table}")
}

/// A table of the samples of an error type about keys.
fn of_keys(samples: &SampleTable) -> String {
    let mut table = Table::new(["Error", "Reason", "Message"]);
    for (variant, class, message) in &samples.rows {
        let reason = class.map_or_else(String::new, |it| format!("`{}`", it.as_str()));
        table.row([format!("`{variant}`"), reason, message.clone()]);
    }
    format!("\n### {}\n\n{table}", samples.heading)
}

/// A table for each file.
fn of_crate(messages: &[Message]) -> String {
    let mut files = BTreeMap::<_, Table<3>>::new();
    for Message {
        file,
        kind,
        reason,
        text,
    } in messages
    {
        let table = files
            .entry(file)
            .or_insert_with(|| Table::new(["Kind", "Reason", "Message"]));
        let kind = match kind {
            Kind::Error => "error",
            Kind::Log => "log",
            Kind::Other => "",
        };
        let reason = reason
            .as_ref()
            .map_or_else(String::new, |it| format!("`{it}`"));
        table.row([kind.to_owned(), reason, text.clone()]);
    }
    let tables = files
        .iter()
        .map(|(file, table)| format!("\n### {}\n\n{table}", file.display()));
    tables.collect()
}
