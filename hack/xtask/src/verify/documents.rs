//! Links and words of the documents, checked by lychee and typos.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use signet_testbed::packages;

/// Links within the repository that lead to no file, or to no heading of it.
pub(super) fn links(root: &Path) -> Result<Option<String>> {
    let mut lychee = Command::new(packages::lychee()?);
    lychee
        .args(["--offline", "--include-fragments", "--no-progress"])
        .args(["--exclude-path", "target", "--root-dir"])
        .arg(root)
        .arg("./**/*.md");
    findings(root, lychee)
}

/// Spelling other than American, and words of the list in `typos.toml`.
pub(super) fn words(root: &Path) -> Result<Option<String>> {
    let mut typos = Command::new(packages::typos()?);
    typos.args(["--format", "brief"]);
    findings(root, typos)
}

/// What a checker prints if it fails.
fn findings(root: &Path, mut checker: Command) -> Result<Option<String>> {
    let output = checker.current_dir(root).output();
    let output = output.with_context(|| format!("cannot run {checker:?}"))?;
    if output.status.success() {
        return Ok(None);
    }
    let text = [output.stdout, output.stderr].concat();
    Ok(Some(String::from_utf8_lossy(&text).trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use signet_testbed::installation::checkout;

    use super::*;

    #[test]
    fn finds_a_dead_link_and_a_british_word() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(
            checkout().join("typos.toml"),
            folder.path().join("typos.toml"),
        )
        .unwrap();
        let document = folder.path().join("a.md");
        let check = |text: &str| {
            std::fs::write(&document, text).unwrap();
            let links = links(folder.path()).unwrap().unwrap_or_default();
            (links, words(folder.path()).unwrap().unwrap_or_default())
        };
        let (links, words) = check("# A heading\n\n[a](#a-heading) [b](a.md) `[c](none.md)`\n");
        assert_eq!((links.as_str(), words.as_str()), ("", ""));
        let (links, words) = check("[a](none.md) [b](#none)\n\nOrganise it.\n");
        assert!(
            links.contains("none.md") && links.contains("#none"),
            "{links}"
        );
        assert!(words.contains("Organize"), "{words}");
    }
}
