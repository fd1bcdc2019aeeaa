//! `docs/reference/values.md`, from the chart's schema and the comments of its values.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::schema::type_of;
use super::{Files, Table};

const SCHEMA: &str = "charts/signet/values.schema.json";
const VALUES: &str = "charts/signet/values.yaml";

/// Adds the page.
pub(super) fn add(root: &Path, files: &mut Files) -> Result<()> {
    let read = |path| fs::read_to_string(root.join(path)).context(path);
    let schema: Value = serde_json::from_str(&read(SCHEMA)?)?;
    let text = read(VALUES)?;
    let defaults: Value = serde_saphyr::from_str(&text)?;
    let mut rows = Rows {
        comments: comments(&text),
        table: Table::new(["Value", "Type", "Default", "Meaning"]),
    };
    for name in names(&text) {
        let property = &schema["properties"][name];
        ensure!(property.is_object(), "{SCHEMA} has no {name}");
        rows.add(name, property, &defaults[name])?;
    }
    let page = format!(
        "# Values of the chart\n\n{}\n\nWhat `helm install --set` and a file of values can have; other \
         names are refused. The [values file](../../{VALUES}) has examples, and \
         [chart.md](../chart.md) and [operations.md](../operations.md) explain the values that need \
         it.\n\n{}",
        super::NOTE,
        rows.table
    );
    files.insert("docs/reference/values.md".into(), page);
    Ok(())
}

struct Rows {
    /// By the path of the value.
    comments: BTreeMap<String, String>,
    table: Table<4>,
}

impl Rows {
    /// Adds a value, or those below it.
    fn add(&mut self, path: &str, schema: &Value, default: &Value) -> Result<()> {
        let below = schema["properties"].as_object();
        if let (Some(below), Some(defaults)) = (below, default.as_object()) {
            // Sorted, whatever features serde_json is built with.
            for name in defaults.keys().collect::<BTreeSet<_>>() {
                let schema = below.get(name);
                let schema = schema.with_context(|| format!("{SCHEMA} has no {path}.{name}"))?;
                self.add(&format!("{path}.{name}"), schema, &defaults[name])?;
            }
            return Ok(());
        }
        let comment = self.comments.get(path);
        let comment = comment.with_context(|| format!("{VALUES} has no comment on {path}"))?;
        let default = match default {
            Value::Null => "none".to_owned(),
            default => format!("`{default}`"),
        };
        let row = [
            format!("`{path}`"),
            type_of(schema),
            default,
            comment.clone(),
        ];
        self.table.row(row);
        Ok(())
    }
}

/// The values at the top, in the order of the file.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let keys = text.lines().filter(|line| !line.starts_with([' ', '#']));
    keys.filter_map(|line| Some(line.split_once(':')?.0))
}

/// The comment above each value, without the examples in it. A comment above a group is its first
/// value's too.
fn comments(text: &str) -> BTreeMap<String, String> {
    let mut comments = BTreeMap::new();
    let (mut comment, mut path) = (Vec::new(), Vec::<&str>::new());
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let content = line.trim_start();
        if let Some(words) = content.strip_prefix('#') {
            // An example is indented by more than one space.
            if !words.starts_with("  ") {
                comment.push(words.trim());
            }
        } else if let Some((name, _)) = content
            .split_once(':')
            .filter(|_| !content.starts_with('-'))
        {
            path.truncate(indent / 2);
            path.push(name);
            let text = comment
                .join(" ")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            if !text.is_empty() {
                comments.insert(path.join("."), text);
            }
            comment.clear();
        } else {
            comment.clear();
        }
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_belongs_to_the_value_below_it() {
        let text = "# Of the file.\n\n# One\n# of two lines:\n#\n#   - example\na: 1\nb:\n  # Below.\n  c: []\n";
        let expected = [("a", "One of two lines:"), ("b.c", "Below.")];
        let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(comments(text), BTreeMap::from(expected));
        assert_eq!(names(text).collect::<Vec<_>>(), ["a", "b"]);
    }
}
