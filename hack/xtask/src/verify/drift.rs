//! Generated files are up to date.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::generate::Files;

/// Folders in which every file is generated.
const WHOLLY_GENERATED: [&str; 3] = ["crds", "charts/signet/templates/crds", "docs/reference"];

/// Files that are stale, missing, or not generated.
pub(super) fn problems(root: &Path, files: &Files) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for (path, made) in files {
        let name = path.display();
        match fs::read_to_string(root.join(path)) {
            Ok(now) if now == *made => {}
            Ok(_) => problems.push(format!("{name} is stale; run cargo xtask generate")),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                problems.push(format!("{name} is missing; run cargo xtask generate"));
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {name}")),
        }
    }
    let strays = present(root)?;
    let strays = strays.iter().filter(|path| !files.contains_key(*path));
    problems.extend(strays.map(|path| {
        format!(
            "{} is not generated; remove it or move it elsewhere",
            path.display()
        )
    }));
    Ok(problems)
}

fn present(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut present = BTreeSet::new();
    for folder in WHOLLY_GENERATED.map(Path::new) {
        let Ok(entries) = fs::read_dir(root.join(folder)) else {
            continue;
        };
        for entry in entries {
            present.insert(folder.join(entry?.file_name()));
        }
    }
    Ok(present)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_stale_and_missing_files() {
        let files = Files::from([
            (PathBuf::from("Cargo.toml"), "[no]".to_owned()),
            (PathBuf::from("no/such/file"), String::new()),
        ]);
        let problems = problems(Path::new(env!("CARGO_MANIFEST_DIR")), &files).unwrap();
        let expected = ["Cargo.toml is stale", "no/such/file is missing"];
        assert_eq!(
            problems,
            expected.map(|it| format!("{it}; run cargo xtask generate"))
        );
    }
}
