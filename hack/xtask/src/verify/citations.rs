//! Citations can be followed: a rule is on the page of rules, and no page outside the repository
//! is cited.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The page that has the rules.
const RULES: &str = "docs/rules.md";
/// The groups of rules; those of cert-manager's contract are A1 to A9.
const GROUPS: [&str; 8] = ["SID", "X5", "BND", "CSR", "PCR", "CTB", "CM", "PKI"];
/// Extensions of text files that are not generated.
const EXTENSIONS: [&str; 12] = [
    "c", "go", "h", "json", "md", "py", "rs", "sh", "toml", "tpl", "yaml", "yml",
];
/// This file, which has to name what it looks for.
const THIS_FILE: &str = "hack/xtask/src/verify/citations.rs";

/// Citations that lead nowhere, and rules that are on the page twice.
pub(super) fn problems(root: &Path) -> Result<Vec<String>> {
    let page =
        fs::read_to_string(root.join(RULES)).with_context(|| format!("cannot read {RULES}"))?;
    let (rules, mut problems) = rules(&page);
    let mut files = Vec::new();
    find(root, &mut files)?;
    files.sort();
    for path in files {
        let name = path.strip_prefix(root).unwrap_or(&path);
        if name == Path::new(THIS_FILE) {
            continue;
        }
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = String::from_utf8_lossy(&text);
        problems.extend(
            in_text(&text, &rules)
                .map(|(line, problem)| format!("{}:{line}: {problem}", name.display())),
        );
    }
    Ok(problems)
}

/// The rules of the page: list items that begin with an anchor and the rule in bold.
fn rules(page: &str) -> (BTreeSet<String>, Vec<String>) {
    let mut rules = BTreeSet::new();
    let mut problems = Vec::new();
    for (line, text) in (1..).zip(page.lines()) {
        let Some(rest) = text.strip_prefix("- <a id=\"") else {
            continue;
        };
        let rule = rest
            .split_once("\"></a>**")
            .and_then(|(anchor, rest)| Some((anchor, rest.split_once("** ")?.0)))
            .filter(|(anchor, rule)| rule.to_lowercase() == *anchor);
        match rule {
            None => problems.push(format!(
                "{RULES}:{line}: a rule is written as - <a id=\"x5-5\"></a>**X5-5** and its text"
            )),
            Some((_, rule)) if !rules.insert(rule.to_owned()) => {
                problems.push(format!("{RULES}:{line}: {rule} is on the page twice"));
            }
            Some(_) => {}
        }
    }
    (rules, problems)
}

/// What is wrong in a text, with the number of the line.
fn in_text<'a>(
    text: &'a str,
    rules: &'a BTreeSet<String>,
) -> impl Iterator<Item = (usize, String)> + 'a {
    (1..).zip(text.lines()).flat_map(move |(line, text)| {
        let unknown = cited(text).filter(|rule| !rules.contains(rule));
        let unknown = unknown.map(|rule| {
            format!("{rule} is not in {RULES}; add the rule there, or correct the number")
        });
        let problems: Vec<_> = unknown.chain(outside(text)).collect();
        problems.into_iter().map(move |problem| (line, problem))
    })
}

/// The rules that a line cites: `X5-5` anywhere, and `fn x5_5_…` in the name of a test.
fn cited(line: &str) -> impl Iterator<Item = String> + '_ {
    let in_name = line.split_once("fn ").map_or("", |(_, name)| name);
    let in_name = in_name
        .split(|it: char| !it.is_alphanumeric() && it != '_')
        .next();
    words(line)
        .filter_map(rule)
        .chain(in_name.map(in_test_name).unwrap_or_default())
}

/// `X5-5` of `X5-5`; what follows a second hyphen does not count.
fn rule(word: &str) -> Option<String> {
    let (group, number) = word.split_once('-')?;
    let number = number.split('-').next()?;
    is_group(group).then_some(())?;
    is_number(number).then(|| format!("{group}-{number}"))
}

/// `A2-19` and `CM-5` of `a2_19_cm_5_a_request_waits`.
fn in_test_name(name: &str) -> Vec<String> {
    let mut parts = name.split('_');
    let mut rules = Vec::new();
    while let (Some(group), Some(number)) = (parts.next(), parts.next()) {
        let group = group.to_uppercase();
        if !is_group(&group) || !is_number(number) {
            break;
        }
        rules.push(format!("{group}-{number}"));
    }
    rules
}

fn is_group(word: &str) -> bool {
    let contract = word
        .strip_prefix('A')
        .is_some_and(|digit| digit.len() == 1 && is_number(digit));
    contract || GROUPS.contains(&word)
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|it| it.is_ascii_digit())
}

/// Words with their hyphens, and file names as one word. An index belongs to its word.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|it: char| !it.is_alphanumeric() && !matches!(it, '-' | '_' | '.' | '['))
        .map(|word| word.trim_start_matches('[').trim_end_matches('.'))
}

/// Citations of what a reader of the repository cannot open.
fn outside(line: &str) -> Option<String> {
    let words: Vec<_> = words(line).collect();
    let page = words.iter().find(|it| {
        matches!(
            **it,
            "DESIGN" | "DESIGN.md" | "contracts.md" | "certmanager.md"
        )
    });
    let numbered = words.windows(2).find(|pair| {
        let word = pair[0].to_lowercase();
        matches!(word.as_str(), "issue" | "rule" | "rules") && is_number(pair[1])
    });
    let section = words.windows(3).find(|triple| {
        triple[..2] == ["contracts", "section"] && triple[2].starts_with(char::is_numeric)
    });
    let found = page
        .map(|it| (*it).to_owned())
        .or_else(|| numbered.map(|it| it.join(" ")))
        .or_else(|| section.map(|it| it.join(" ")))?;
    Some(format!(
        "\"{found}\" cannot be followed; cite a rule of {RULES}, an RFC and its section, or a file"
    ))
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if name != "target" && !name.starts_with('.') {
                find(&entry.path(), files)?;
            }
        } else if name
            .rsplit_once('.')
            .is_some_and(|(_, it)| EXTENSIONS.contains(&it))
        {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> BTreeSet<String> {
        ["X5-5", "A2-19", "CM-5"].map(str::to_owned).into()
    }

    #[test]
    fn finds_a_rule_that_is_not_on_the_page() {
        for (line, expected) in [
            ("/// X5-5, and rule A2-19.", &[][..]),
            ("/// X5-99: no such rule.", &["X5-99"]),
            ("fn a2_19_cm_5_an_issuer_is_waited_for() {", &[]),
            ("fn cm_5_cm_77_something() {", &["CM-77"]),
            ("/// From A2-19 to CM-6.", &["CM-6"]),
            ("SHA-256, RFC-5280, CVE-2020-0601, P-256 and A-1", &[]),
        ] {
            let found: Vec<_> = in_text(line, &known()).map(|(_, it)| it).collect();
            let found: Vec<_> = found
                .iter()
                .map(|it| it.split(' ').next().unwrap())
                .collect();
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn finds_citations_of_pages_that_are_not_in_the_repository() {
        for line in [
            "//! as DESIGN.md allows.",
            "/// DESIGN, \"What must hold\", 7.",
            "// contracts.md 1b.",
            "/// (X5-5, contracts section 0).",
            "//! (certmanager.md, rules",
            "/// Issue 4, section 3: the queue is fair.",
            "//! Rule 7: no ambient credential.",
        ] {
            assert_eq!(in_text(line, &known()).count(), 1, "{line}");
        }
        for line in [
            "one issuer, two contracts, three rules",
            "rule A2-19",
            "assert_eq!(rules[1].name, name);",
            "the design suggested",
            "rustls/webpki issue #18268",
        ] {
            assert_eq!(in_text(line, &known()).count(), 0, "{line}");
        }
    }

    #[test]
    fn finds_a_rule_that_is_on_the_page_twice() {
        let page = "- <a id=\"x5-5\"></a>**X5-5** Critical.\n\
                    - <a id=\"x5-5\"></a>**X5-5** Again.\n\
                    - <a id=\"x5-6\"></a>**X5-7** Another anchor.\n";
        let (rules, problems) = rules(page);
        assert_eq!(rules.into_iter().collect::<Vec<_>>(), ["X5-5"]);
        assert_eq!(problems.len(), 2, "{problems:?}");
    }
}
