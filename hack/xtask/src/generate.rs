//! Files that are generated from code.

mod api;
mod crds;
mod flags;
mod messages;
mod metrics;
mod reasons;
mod schema;
mod states;
mod table;
mod values;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use table::Table;

/// The note on every generated page.
const NOTE: &str = "<!-- Made by `cargo xtask generate`. Do not edit. -->";

/// The text of each generated file, by its path below the root of the workspace.
pub(crate) type Files = BTreeMap<PathBuf, String>;

/// Generates all of them in memory.
pub(crate) fn files(root: &Path) -> Result<Files> {
    let mut files = Files::new();
    api::add(&mut files)?;
    crds::add(&mut files)?;
    flags::add(&mut files);
    messages::add(root, &mut files)?;
    metrics::add(&mut files)?;
    reasons::add(&mut files)?;
    states::add(&mut files)?;
    values::add(root, &mut files)?;
    Ok(files)
}

/// Writes those that have changed, and prints their names.
pub(crate) fn run(root: &Path) -> Result<()> {
    for (path, text) in files(root)? {
        let file = root.join(&path);
        if fs::read_to_string(&file).is_ok_and(|now| now == text) {
            continue;
        }
        let folder = file.parent().context("the file has no folder")?;
        fs::create_dir_all(folder)?;
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}
