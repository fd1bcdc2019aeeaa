//! The samples: what the README shows is what `cargo xtask demo` applies.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::demo::Key;

/// Says so if the README does not show the samples word for word.
pub(super) fn problems(root: &Path) -> Result<Vec<String>> {
    let readme = fs::read_to_string(root.join("README.md"))?;
    let name = Key::default().sample();
    let samples = fs::read_to_string(root.join(name))?;
    let shown = format!("```yaml\n{samples}```\n");
    if readme.contains(&shown) {
        return Ok(Vec::new());
    }
    Ok(vec![format!(
        "README.md does not show {name} word for word; the demo applies the one and the README \
         shows the other"
    )])
}
