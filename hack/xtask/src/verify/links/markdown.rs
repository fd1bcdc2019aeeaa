//! Links and anchors of a Markdown text, as GitHub renders it.

use std::collections::{BTreeMap, BTreeSet};

/// What the check needs of a document.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) links: Vec<Link>,
    /// What may stand after `#` in a link to it.
    anchors: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// From 1.
    pub(super) line: usize,
    pub(super) target: String,
}

impl Document {
    /// Reads links in the forms `[…](target)` and `[…]: target`, and headings with a `#`. Code is
    /// left out.
    pub(super) fn read(text: &str) -> Self {
        let mut document = Self::default();
        let mut seen = BTreeMap::<String, usize>::new();
        let mut fence = None;
        for (line, text) in (1..).zip(text.lines()) {
            let trimmed = text.trim_start();
            let mark = ["```", "~~~"]
                .into_iter()
                .find(|mark| trimmed.starts_with(mark));
            if mark.is_some() && (fence.is_none() || fence == mark) {
                fence = if fence.is_none() { mark } else { None };
                continue;
            }
            if fence.is_some() {
                continue;
            }
            if let Some(title) = heading(text) {
                let anchor = anchor(title);
                let before = seen.entry(anchor.clone()).or_default();
                document.anchors.insert(match *before {
                    0 => anchor,
                    before => format!("{anchor}-{before}"),
                });
                *before += 1;
            }
            let prose = without_code(text);
            let targets = inline(&prose).chain(definition(&prose));
            document.links.extend(targets.map(|target| Link {
                line,
                target: target.to_owned(),
            }));
        }
        document
    }

    /// What is wrong with a link to this anchor.
    pub(super) fn lacks(&self, anchor: &str) -> Option<&'static str> {
        (!self.anchors.contains(anchor)).then_some("the file has no such heading")
    }
}

fn heading(line: &str) -> Option<&str> {
    let title = line.trim_start_matches('#');
    let depth = line.len() - title.len();
    ((1..=6).contains(&depth) && title.starts_with(' ')).then(|| title.trim())
}

/// Lower case, words joined by hyphens, punctuation left out; of a link its text alone.
fn anchor(title: &str) -> String {
    let mut text = title.to_owned();
    while let Some(middle) = text.find("](")
        && let Some(end) = text[middle..].find(')')
    {
        text.replace_range(middle..=middle + end, "");
    }
    let kept = text.to_lowercase();
    let kept = kept
        .chars()
        .filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect()
}

/// Every second part between backticks is code.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

fn inline(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| target(rest.split(')').next()?))
}

fn definition(line: &str) -> Option<&str> {
    let (name, rest) = line.trim_start().strip_prefix('[')?.split_once("]: ")?;
    (!name.contains(']')).then(|| target(rest)).flatten()
}

/// A target may have a title after it, and angle brackets around it.
fn target(text: &str) -> Option<&str> {
    let target = text.split_whitespace().next()?;
    Some(target.trim_start_matches('<').trim_end_matches('>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_with_their_lines_and_code_is_not() {
        let text = "[a](b.md) and ![c](d.png \"title\")\n`[no](x)` [`e`](f#g)\n```\n[no](y)\n```\n[h]: <i.md>\n";
        let links = Document::read(text).links;
        let found: Vec<_> = links
            .iter()
            .map(|link| (link.line, link.target.as_str()))
            .collect();
        assert_eq!(found, [(1, "b.md"), (1, "d.png"), (2, "f#g"), (6, "i.md")]);
    }

    #[test]
    fn anchors_are_githubs() {
        let text = "# What's `core`?\n## The flow, as types\n## The flow, as types\n```\n# no\n```\n### A [link](x.md) here\n#no\n";
        let anchors = Document::read(text).anchors;
        let expected = [
            "a-link-here",
            "the-flow-as-types",
            "the-flow-as-types-1",
            "whats-core",
        ];
        assert!(
            anchors.iter().map(String::as_str).eq(expected),
            "{anchors:?}"
        );
    }
}
