//! Requests that wait.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{bad, healthy, one, settings};
use crate::args::OutputFormat;
use crate::fixtures::at;
use crate::inspect::check::facts::{Facts, Requests};
use crate::inspect::check::judge;
use crate::inspect::check::report::{Finding, Level};
use crate::inspect::style::Style;
use crate::requests::backlog::{Backlog, Group, Oldest, Reported};

const MINUTE: i64 = 60;

/// The oldest of these has waited for so long.
fn group(count: usize, seconds: i64, reported: Reported) -> Group {
    Group {
        count,
        oldest: Some(Oldest {
            namespace: Some("shop".to_owned()),
            name: "web-1".to_owned(),
            to: "Issuer shop/ca".to_owned(),
            since: at(-seconds),
            reported,
        }),
    }
}

fn with(found: Result<Backlog, String>) -> impl FnOnce(&mut Facts) {
    move |facts| {
        facts.requests = vec![Requests {
            kind: "CertificateRequests",
            found,
        }];
    }
}

fn due(seconds: i64, reported: Reported) -> impl FnOnce(&mut Facts) {
    with(Ok(Backlog {
        due: group(3, seconds, reported),
        ..Backlog::default()
    }))
}

#[test]
fn requests_that_wait_for_an_approver_for_long_are_a_warning() {
    let unapproved = |seconds| {
        with(Ok(Backlog {
            unapproved: group(1, seconds, Reported::Events),
            ..Backlog::default()
        }))
    };
    let text = "CertificateRequests: 1 waits for an approver; the oldest, shop/web-1 to Issuer \
                shop/ca, for 5 minutes: an approver has to";
    one(unapproved(5 * MINUTE), Level::Warning, text);
    assert_eq!(bad(&[], unapproved(5 * MINUTE - 1)), (vec![], 0));
    // The clock of the API server may be ahead.
    assert_eq!(bad(&[], unapproved(-MINUTE)), (vec![], 0));
    let unknown = with(Ok(Backlog {
        of_unknown_kind: group(1, 5 * MINUTE, Reported::Events),
        ..Backlog::default()
    }));
    one(
        unknown,
        Level::Warning,
        "for 5 minutes: write Issuer or ClusterIssuer",
    );
}

#[test]
fn requests_without_an_answer_for_long_have_the_reason() {
    let hours = 2 * 60 * MINUTE;
    let text = "3 wait for a certificate; the oldest, shop/web-1 to Issuer shop/ca, for 2 hours: \
                IssuerNotReady: no key";
    let condition = Reported::Condition("IssuerNotReady: no key".to_owned());
    one(due(hours, condition.clone()), Level::Warning, text);
    assert_eq!(bad(&[], due(MINUTE, condition)), (vec![], 0));
    let text = "for 2 hours: Signet has not written its condition Ready: no replica leads, or";
    one(due(hours, Reported::Nothing), Level::Warning, text);
    one(
        due(hours, Reported::Events),
        Level::Warning,
        "for 2 hours: its events have the reason",
    );
}

#[test]
fn what_the_user_may_not_list_is_unknown() {
    let forbidden = with(Err("forbidden".to_owned()));
    one(forbidden, Level::Unknown, "CertificateRequests: forbidden");
}

#[test]
fn what_was_not_read_is_not_counted() {
    let message = |backlog| {
        let settings = settings(&[]);
        let mut facts = healthy(&settings);
        with(Ok(backlog))(&mut facts);
        let report = judge(&settings, &facts);
        let last = report.findings().last().map(Finding::parts);
        last.map(|(_, _, message)| message.to_owned()).unwrap()
    };
    let partial = Backlog {
        is_partial: true,
        ..Backlog::default()
    };
    assert_eq!(message(Backlog::default()), "none waits");
    let nothing = "none of those that were read waits, and there are more";
    assert_eq!(message(partial.clone()), nothing);
    let some = Backlog {
        due: group(3, 1, Reported::Nothing),
        ..partial
    };
    assert!(message(some).starts_with("at least 3 wait for a certificate; "));
}

#[test]
fn programs_read_how_many_wait_since_when() {
    let settings = settings(&[]);
    let mut facts = healthy(&settings);
    due(MINUTE, Reported::Nothing)(&mut facts);
    let json = judge(&settings, &facts).text(OutputFormat::Json, Style::PLAIN);
    let json: Value = serde_json::from_str(&json).unwrap();
    let findings = json["findings"].as_array().unwrap();
    let of_requests = |it: &&Value| it["section"] == "Requests";
    let found: Vec<_> = findings.iter().filter(of_requests).collect();
    let since: Timestamp = at(-MINUTE);
    let expected = json!({
        "section": "Requests", "subject": "CertificateRequests", "level": "Ok",
        "message": "3 wait for a certificate; the oldest, shop/web-1 to Issuer shop/ca, for 1 minute",
        "waiting": 3, "oldest": "shop/web-1", "waitingSince": since,
    });
    assert_eq!(found, [&expected]);
}
