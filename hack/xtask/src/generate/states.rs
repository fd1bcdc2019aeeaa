//! `docs/reference/ca-states.md`, from the table of the CA's lifecycle.

use signet_core::ca::lifecycle::table::diagram;

use super::Files;

/// Adds the page.
pub(super) fn add(files: &mut Files) {
    let page = format!(
        "# States of a CA generation\n\n{}\n\nEvery state and every transition. \
         [ADR 18](../adr/0018-the-ca-as-a-value.md) describes the design.\n\n\
         ```mermaid\n{}```\n",
        super::NOTE,
        diagram(),
    );
    files.insert("docs/reference/ca-states.md".into(), page);
}
