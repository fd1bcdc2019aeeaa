//! The page, its JSON, and the exit code.

use serde_json::{Value, json};

use super::{bad, healthy, lease, settings, status, with_status};
use crate::args::OutputFormat;
use crate::inspect::check::facts::Facts;
use crate::inspect::check::judge;
use crate::inspect::check::report::Report;
use crate::inspect::style::Style;

/// A problem that was found counts before what could not be checked.
#[test]
fn the_exit_code_is_that_of_the_worst_finding() {
    let both = |facts: &mut Facts| {
        facts.lease = Ok(None);
        facts.reviews = Err("forbidden".to_owned());
    };
    assert_eq!(bad(&[], both).1, 1);
}

fn report() -> Report {
    let settings = settings(&[]);
    let mut facts = healthy(&settings);
    facts.lease = Ok(Some(lease("a\n  ok  forged: \u{1b}[31m\u{9b}31m", 5)));
    with_status(status(("False", "KeyUnreachable", "no response")))(&mut facts);
    judge(&settings, &facts)
}

#[test]
fn the_page_has_sections_and_nothing_that_controls_a_terminal() {
    let page = report().text(OutputFormat::Text, Style::PLAIN);
    assert!(page.starts_with("signet 0."), "{page}");
    assert!(
        page.contains(" on Kubernetes v1.37.2, as alice\n\nCRDs\n  ok       cagen"),
        "{page}"
    );
    assert!(
        page.contains("\n\nIssuers\n  problem  ClusterIssuer corp: KeyUnreachable"),
        "{page}"
    );
    assert!(page.ends_with("\n\n1 problem."), "{page}");
    let json = report().text(OutputFormat::Json, Style::PLAIN);
    for text in [&page, &json] {
        assert!(text.contains("ok  forged: "), "{text}");
        assert!(!text.contains("\n  ok  forged"), "{text}");
        let mut controls = text.chars().filter(|it| it.is_control());
        assert!(controls.all(|it| it == '\n'), "{text}");
    }
    let page = report().text(OutputFormat::Text, Style::COLORED);
    assert!(page.contains("\u{1b}[31mproblem\u{1b}[0m"), "{page}");
}

#[test]
fn programs_read_json() {
    let json = report().text(OutputFormat::Json, Style::COLORED);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["result"], "Problem");
    let findings = json["findings"].as_array().unwrap();
    let problem: Vec<_> = findings
        .iter()
        .filter(|it| it["level"] == "Problem")
        .collect();
    let expected = json!({
        "section": "Issuers", "subject": "ClusterIssuer corp", "level": "Problem",
        "message": "KeyUnreachable: no response (CA until 2026-12-10T12:00:00Z (in 100 days))",
        "isReady": false, "reason": "KeyUnreachable", "key": "software/corp",
        "isKeyReachable": false, "caNotAfter": "2026-12-10T12:00:00Z",
    });
    assert_eq!(problem, [&expected]);
    let version = findings
        .iter()
        .find(|it| it["subject"] == "version")
        .unwrap();
    assert_eq!(version["version"], "v1.21.2");
}
