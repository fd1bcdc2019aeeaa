//! `docs/reference/messages.md`: every message that Signet writes, to be read side by side.
//!
//! Of the error types of `signet-core` and `signet-keys` there is a sample of each variant. All others are read out
//! of the source, and their placeholders are filled from a list of values.

mod source;
mod values;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use anyhow::Result;
use signet_core::ca::offer::{Refusal, Warning};
use signet_core::ca::{ChainError, Forbidden};
use signet_core::issue::{IssueError, SvidError};
use signet_core::mesh::rollout::{Change, Hold, Wait};
use signet_core::mesh::secret::{SecretError, Unfit, UnfitIssuer};
use signet_core::policy::pattern::PatternError;
use signet_core::reason::Reason;
use signet_core::request::NotServiceAccount;
use signet_core::request::csr::{CsrError, PemError};
use signet_core::samples::Samples;
use signet_core::spiffe::SpiffeIdError;
use signet_core::x509::name_constraints::NameConstraintsError;
use signet_core::x509::names::NamesError;
use signet_core::x509::public_key::PublicKeyError;
use signet_core::x509::usages::UnknownUsage;
use signet_keys::{ErrorClass, SampleTable, sample_tables};

use super::{Files, Table};
use source::Message;
use values::Values;

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
    page += &samples("Name constraints", |_: &NameConstraintsError| None);
    page += &samples("Usages", |_: &UnknownUsage| Some(Reason::InvalidUsages));
    page += &samples("SPIFFE IDs", |_: &SpiffeIdError| None);
    page += &samples("Patterns of rules", |_: &PatternError| None);
    page += &samples("Limits of CAs", |error: &Forbidden| {
        Some(match error {
            Forbidden::Usage { .. } => Reason::InvalidUsages,
            Forbidden::Name { .. } | Forbidden::TooManyNames => Reason::InvalidName,
        })
    });
    page += &samples("CA chains", |_: &ChainError| None);
    page += &samples("Offered CA certificates", |_: &Refusal| None);
    page += &samples("Warnings about CA certificates", |_: &Warning| None);
    page += &samples("Secrets of meshes", |_: &SecretError| None);
    page += &samples("CAs that a mesh refuses", |_: &Unfit| None);
    page += &samples("Issuers above a mesh's CA", |_: &UnfitIssuer| None);
    page += &samples("Changes of a mesh's Secret", |_: &Change| None);
    page += &samples("Waits of a mesh's Secret", |_: &Wait| None);
    page += &samples("Holds of a mesh's Secret", |_: &Hold| None);
    page += &samples("X509-SVIDs", |_: &SvidError| None);
    page += &samples("Issuing", |error: &IssueError| Some(error.reason()));
    page += &samples("Requesters", |_: &NotServiceAccount| None);
    page.extend(sample_tables().iter().map(of_keys));
    let (values, samples) = (Values::read(), page.clone());
    for (folder, heading) in CRATES {
        // The operator's types have no samples.
        let samples = if folder == "operator/src" {
            ""
        } else {
            &samples
        };
        let messages = source::messages(root, Path::new(folder))?;
        page += &format!("\n## {heading}\n");
        page += &of_crate(messages, &values, samples)?;
    }
    files.insert("docs/reference/messages.md".into(), page);
    Ok(())
}

/// A table of the samples of an error type, with the reason that goes with each.
fn samples<E: Samples + Error>(heading: &str, reason: impl Fn(&E) -> Option<Reason>) -> String {
    let mut table = Table::new(["Error", "Reason", "Message"]);
    for (variant, error) in E::samples() {
        let reason = code(reason(&error).map(Reason::as_str));
        table.row([format!("`{variant}`"), reason, error.to_string()]);
    }
    format!("\n### {heading}\n\n{table}")
}

/// A table of the samples of an error type about keys.
fn of_keys(samples: &SampleTable) -> String {
    let mut table = Table::new(["Error", "Reason", "Message"]);
    for (variant, class, message) in &samples.rows {
        let reason = code(class.map(ErrorClass::as_str));
        table.row([format!("`{variant}`"), reason, message.clone()]);
    }
    format!("\n### {}\n\n{table}", samples.heading)
}

/// A table for each file, without the messages that are part of a sample.
fn of_crate(messages: Vec<Message>, values: &Values, samples: &str) -> Result<String> {
    let mut files = BTreeMap::<_, Table<3>>::new();
    for message in messages {
        if let Some(text) = values.text(&message, samples)? {
            let table = files.entry(message.file);
            let table = table.or_insert_with(|| Table::new(["Kind", "Reason", "Message"]));
            table.row([
                message.kind.to_owned(),
                code(message.reason.as_deref()),
                text,
            ]);
        }
    }
    let tables = files.iter();
    Ok(tables
        .map(|(file, table)| format!("\n### {}\n\n{table}", file.display()))
        .collect())
}

fn code(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |it| format!("`{it}`"))
}
