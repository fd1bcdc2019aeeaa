//! `docs/reference/reasons.md`, from the enums whose members are the reasons.

use anyhow::{Context, Result, ensure};
use signet_core::reason::Reason;

use super::{Files, Table};

const REQUESTS: &str = include_str!("../../../../operator/core/src/reason.rs");
const ISSUERS: &str = include_str!("../../../../operator/src/issuers/reason.rs");
const BUNDLES: &str = include_str!("../../../../operator/src/publish/reason.rs");
const MESH: &str = include_str!("../../../../operator/src/mesh/reason.rs");
const KEYS: &str = include_str!("../../../../operator/keys/src/error.rs");
const WAITS: &str = include_str!("../../../../operator/core/src/ca/lifecycle/activation.rs");
const WAIT_REASONS: &str = include_str!("../../../../operator/src/issuers/messages.rs");

/// The reasons of the condition Rotating besides those of waits.
const ROTATING: [(&str, &str); 2] = [
    ("NoRotation", "No other CA generation is to take over."),
    (
        "WaitingForKey",
        "The key of the next generation, until it can be used.",
    ),
];

/// Adds the page.
pub(super) fn add(files: &mut Files) -> Result<()> {
    let requests = reasons(REQUESTS)?;
    let names = requests.iter().map(|(name, _)| name.as_str());
    ensure!(
        names.eq(Reason::ALL.map(Reason::as_str)),
        "Reason::ALL is not in the enum's order"
    );
    let issuers = [reasons(ISSUERS)?, reasons(KEYS)?].concat();
    let page = format!(
        "# Reasons\n\n{}\n\nThe reasons of conditions and events, and the values of the metric \
         label `reason` about them. All lists are closed. Those of calls to the API server and of \
         watches are explained by the log.\n\n## Of requests\n\n{}\n## Of issuers\n\n{}\n## Of the condition \
         BundlePublished\n\n{}\n## Of the condition MeshUpdated\n\n{}\n## Of the condition Rotating\n\nWhat the next CA generation waits \
         for.\n\n{}",
        super::NOTE,
        table(&requests),
        table(&issuers),
        table(&reasons(BUNDLES)?),
        table(&reasons(MESH)?),
        table(&rotating()?),
    );
    files.insert("docs/reference/reasons.md".into(), page);
    Ok(())
}

fn rotating() -> Result<Vec<(String, String)>> {
    let fixed = ROTATING.map(|(name, meaning)| (name.to_owned(), meaning.to_owned()));
    let waits = variants(WAITS, |variant| name(WAIT_REASONS, "Wait", variant))?;
    Ok([fixed.to_vec(), waits].concat())
}

fn table(reasons: &[(String, String)]) -> Table<2> {
    let mut table = Table::new(["Reason", "Meaning"]);
    for (name, meaning) in reasons {
        table.row([format!("`{name}`"), meaning.clone()]);
    }
    table
}

/// The name and the doc comment of each variant of the first enum in a source file. The name is
/// what its `as_str` returns; a variant without one holds another enum's.
pub(super) fn reasons(source: &str) -> Result<Vec<(String, String)>> {
    variants(source, |variant| name(source, "Self", variant))
}

/// The same with other names, or none.
fn variants(source: &str, name: impl Fn(&str) -> Option<String>) -> Result<Vec<(String, String)>> {
    let (_, body) = source.split_once("enum ").context("no enum")?;
    let (body, _) = body.split_once("\n}").context("an enum without end")?;
    let mut reasons = Vec::new();
    let mut doc = Vec::new();
    for line in body.lines().skip(1).map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.trim());
            continue;
        }
        let variant = line.split(['(', ',']).next().unwrap_or_default();
        if let Some(name) = name(variant.trim_end_matches(" {")) {
            reasons.push((name, without_rule(&doc.join(" "))));
        }
        doc.clear();
    }
    ensure!(!reasons.is_empty(), "an enum without reasons");
    Ok(reasons)
}

/// The text to which a function maps a variant.
fn name(source: &str, path: &str, variant: &str) -> Option<String> {
    let arm = format!("{path}::{variant}");
    let (_, name) = source.lines().find_map(|line| {
        let (pattern, name) = line.trim().split_once(" => ")?;
        let own = pattern.split('(').next().unwrap_or_default();
        (own.trim_end_matches(" { .. }") == arm).then_some((pattern, name))
    })?;
    Some(name.strip_prefix('"')?.split('"').next()?.to_owned())
}

/// Removes the number of a rule, which is for readers of the code.
fn without_rule(doc: &str) -> String {
    match (doc.rfind(" ("), doc.ends_with(").")) {
        (Some(at), true) if doc[at..].contains('-') => format!("{}.", &doc[..at]),
        _ => doc.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_variants_with_their_docs() {
        let source = "/// X.\npub enum X {\n    /// One\n    /// two (CM-3).\n    A,\n    /// B.\n    \
                      B(u8),\n    /// Other.\n    C(Y),\n}\nimpl X { fn as_str() { match self {\n\
                      Self::A => \"Ay\",\nSelf::B(_) => \"B\",\nSelf::C(y) => y.as_str(),\n}}}";
        let reasons = reasons(source).unwrap();
        let expected = [("Ay", "One two."), ("B", "B.")];
        assert!(
            reasons
                .iter()
                .map(|(a, b)| (a.as_str(), b.as_str()))
                .eq(expected),
            "{reasons:?}"
        );
    }
}
