//! `docs/reference/ca-states.md`, from the table of the CA's lifecycle.

use anyhow::Result;
use signet_core::ca::lifecycle::table::diagram;

use super::{Files, Table, reasons};

const TABLE: &str = include_str!("../../../../operator/core/src/ca/lifecycle/table.rs");

/// Adds the page.
pub(super) fn add(files: &mut Files) -> Result<()> {
    let mut states = Table::new(["State", "Meaning"]);
    for (name, meaning) in reasons::reasons(TABLE)? {
        states.row([format!("`{name}`"), meaning]);
    }
    let page = format!(
        "# States of a CA generation\n\n{}\n\n{states}\nEvery transition; \
         [ADR 18](../adr/0018-the-ca-as-a-value.md) describes the design:\n\n\
         ```mermaid\n{}```\n",
        super::NOTE,
        diagram(),
    );
    files.insert("docs/reference/ca-states.md".into(), page);
    Ok(())
}
