//! Links in the documents lead somewhere.

mod markdown;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use markdown::Document;

/// Links within the repository that lead to no file, or to no heading of it. Others are not
/// followed.
pub(super) fn problems(root: &Path) -> Result<Vec<String>> {
    let mut documents = Vec::new();
    find(root, &mut documents)?;
    documents.sort();
    let mut problems = Vec::new();
    for path in documents {
        let document = Document::read(&read(&path)?);
        let name = path.strip_prefix(root).unwrap_or(&path).display();
        for link in &document.links {
            if let Some(problem) = problem(root, &path, &document, &link.target)? {
                problems.push(format!("{name}:{}: {}: {problem}", link.line, link.target));
            }
        }
    }
    Ok(problems)
}

fn find(folder: &Path, documents: &mut Vec<PathBuf>) -> Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if name != "target" && !name.starts_with('.') {
                find(&entry.path(), documents)?;
            }
        } else if name.ends_with(".md") {
            documents.push(entry.path());
        }
    }
    Ok(())
}

fn problem(
    root: &Path,
    from: &Path,
    document: &Document,
    target: &str,
) -> Result<Option<&'static str>> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(None);
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    if path.is_empty() {
        return Ok(document.lacks(anchor));
    }
    let file = match path.strip_prefix('/') {
        Some(path) => root.join(path),
        None => from.parent().unwrap_or(root).join(path),
    };
    if !file.exists() {
        return Ok(Some("there is no such file"));
    }
    if anchor.is_empty() || file.extension().is_none_or(|it| it != "md") {
        return Ok(None);
    }
    Ok(Document::read(&read(&file)?).lacks(anchor))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_nowhere_is_found() {
        let root = crate::root().unwrap();
        let from = root.join("here.md");
        let document = Document::read("# A heading\n");
        for (target, expected) in [
            ("Cargo.toml", None),
            ("hack/xtask", None),
            ("/Cargo.toml", None),
            ("Cargo.toml#L1", None),
            ("#a-heading", None),
            ("https://example.com/none#x", None),
            ("none.md", Some("there is no such file")),
            ("#none", Some("the file has no such heading")),
            ("docs/reference/reasons.md#of-issuers", None),
            (
                "docs/reference/reasons.md#of-nobody",
                Some("the file has no such heading"),
            ),
        ] {
            let found = problem(&root, &from, &document, target).unwrap();
            assert_eq!(found, expected, "{target}");
        }
    }
}
