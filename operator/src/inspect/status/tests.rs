//! Facts in, a drawing out.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use signet_api::{CAGeneration, IssuerStatus};
use signet_keys::KeyType;

use super::facts::{Facts, Listed};
use super::report::Report;
use crate::args::OutputFormat;
use crate::fixtures::ca::{Ca, valid};
use crate::fixtures::{DAY, NOW, at, corp, key};
use crate::inspect::style::Style;
use crate::requests::census::{Count, Requests};

/// A generation with this chain in PEM; empty for none.
fn generation(number: u32, chain: &str) -> CAGeneration {
    let zeros = "0".repeat(64);
    let mut spec = json!({
        "issuerRef": { "kind": "ClusterIssuer", "name": "corp" }, "generation": number,
        "key": {
            "config": { "software": { "secretName": format!("key-{number}") } },
            "fingerprint": zeros,
        },
        "purpose": { "certificate": zeros }, "preparedAt": Time(NOW),
    });
    if !chain.is_empty() {
        spec["certificate"] = json!({
            "chain": chain, "trust": "Created", "fingerprint": zeros,
            "notBefore": Time(NOW), "notAfter": Time(at(DAY)),
        });
    }
    let name = format!("clusterissuer-corp-{number}");
    CAGeneration::new(&name, serde_json::from_value(spec).unwrap())
}

fn summary(number: u32, state: &str, role: Option<&str>) -> Value {
    json!({
        "name": format!("clusterissuer-corp-{number}"), "generation": number, "state": state,
        "role": role, "key": format!("software/key-{number}"), "keyFingerprint": "00",
        "subject": format!("CN=ca-{number}"), "fingerprint": format!("{number}"),
        "notBefore": Time(at(-DAY)), "notAfter": Time(at(DAY)),
    })
}

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": type_, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": Time(NOW),
    })
}

fn facts(generations: Vec<CAGeneration>, ca: Vec<Value>) -> Facts {
    let status = json!({
        "observedGeneration": 1, "ca": ca,
        "conditions": [condition("Ready", "True", "Ready", "it signs")],
    });
    Facts {
        now: NOW,
        name: corp(),
        generation: Some(1),
        trust_domain: Some("example.org".to_owned()),
        status: serde_json::from_value(status).unwrap(),
        generations: Ok(Listed {
            objects: generations,
            ..Listed::in_namespace("signet-system")
        }),
        requests: Vec::new(),
    }
}

fn drawing(facts: &Facts) -> String {
    Report::new(facts).text(OutputFormat::Text, Style::PLAIN)
}

fn json(facts: &Facts) -> Value {
    let text = Report::new(facts).text(OutputFormat::Json, Style::COLORED);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_root_of_its_own_is_one_certificate() {
    let root = valid(&*key::signer(KeyType::EcdsaP256), "Corp Root");
    let end: Timestamp = root.not_after();
    let facts = facts(
        vec![generation(1, &root.issuing().pem())],
        vec![summary(1, "Active", Some("Current"))],
    );
    let days = (end.as_second() - NOW.as_second()) / DAY;
    let expected = format!(
        "ClusterIssuer corp: ready\n\
         trust domain example.org\n\
         \n\
         CN=Corp Root (root) until {end} (in {days} days)\n\
         └─ generation 1 (clusterissuer-corp-1): Active, current, key software/key-1\n\
         \n\
         Nothing waits."
    );
    assert_eq!(drawing(&facts), expected);
}

/// An offline root with two intermediates, one of which has issued the CA of two generations; another
/// root; and a generation that waits.
#[test]
fn certificates_are_below_their_issuers_and_drawn_once() {
    let (root, other) = (Ca::offline("Root"), Ca::root("Other"));
    let (upper, older) = (root.issue("Upper"), root.issue("Older"));
    let (first, third) = (upper.issue("First"), older.issue("Third"));
    let shared = format!("{}{}{}", first.pem, upper.pem, root.pem);
    let generations = vec![
        generation(1, &shared),
        generation(2, &format!("{}{}{}", third.pem, older.pem, root.pem)),
        generation(3, &other.pem),
        generation(4, &shared),
        generation(5, ""),
        generation(6, "not a certificate"),
    ];
    let ca = vec![
        summary(4, "Active", Some("Current")),
        summary(5, "Requested", Some("Next")),
        summary(3, "Expired", None),
        summary(2, "Revoked", None),
        summary(1, "Old", Some("Previous")),
    ];
    let drawing = drawing(&facts(generations, ca));
    let tree = drawing.split("\n\n").nth(1).unwrap();
    let lines: Vec<_> = tree
        .lines()
        .map(|line| line.split(" until ").next().unwrap())
        .collect();
    let leaf = |number: u32, state: &str| {
        format!(
            "generation {number} (clusterissuer-corp-{number}): {state}, key software/key-{number}"
        )
    };
    let expected = [
        "CN=Root (root)".to_owned(),
        "├─ CN=Upper (intermediate)".to_owned(),
        "│  └─ CN=First (intermediate)".to_owned(),
        format!("│     ├─ {}", leaf(4, "Active, current")),
        format!("│     └─ {}", leaf(1, "Old, previous")),
        "└─ CN=Older (intermediate)".to_owned(),
        "   └─ CN=Third (intermediate)".to_owned(),
        format!("      └─ {}", leaf(2, "Revoked")),
        "CN=Other (root)".to_owned(),
        format!("└─ {}", leaf(3, "Expired")),
        "without a certificate".to_owned(),
        format!("├─ {}", leaf(5, "Requested, next")),
    ];
    assert_eq!(lines[..12], expected, "{tree}");
    // It is not in the status, and its chain is not one.
    let last = lines[12];
    let unread = leaf(6, "not observed");
    assert!(last.starts_with(&format!("└─ {unread}; ")), "{last}");
    assert_eq!(lines.len(), 13, "{tree}");
}

/// Who may not read CAGenerations sees the status.
#[test]
fn without_the_generations_the_status_is_drawn() {
    let ca = vec![
        summary(2, "Active", Some("Current")),
        summary(1, "Old", Some("Previous")),
    ];
    let mut facts = facts(Vec::new(), ca);
    facts.generations = Err("cagenerations.signet.dev is forbidden".to_owned());
    let drawing = drawing(&facts);
    let expected = "CN=ca-2 (CA) until 2026-09-02T12:00:00Z (in 1 day)\n\
                    └─ generation 2 (clusterissuer-corp-2): Active, current, key software/key-2\n\
                    CN=ca-1 (CA)";
    assert!(drawing.contains(expected), "{drawing}");
    let text = "the CAGenerations cannot be read: cagenerations.signet.dev is forbidden";
    assert!(drawing.contains(text), "{drawing}");
}

/// The operator may run with another `--cluster-resource-namespace`.
#[test]
fn generations_that_are_not_found_are_drawn_from_the_status() {
    let root = valid(&*key::signer(KeyType::EcdsaP256), "Corp Root");
    let own = generation(2, &root.issuing().pem());
    let ca = || {
        vec![
            summary(3, "Published", Some("Next")),
            summary(2, "Active", Some("Current")),
            summary(1, "Old", Some("Previous")),
        ]
    };
    let text = drawing(&facts(vec![own], ca()));
    let lines: Vec<_> = text
        .lines()
        .map(|line| line.split(" until ").next())
        .collect();
    for (line, expected) in [
        (3, "CN=ca-3 (CA)"),
        (5, "Corp Root (root)"),
        (7, "CN=ca-1 (CA)"),
    ] {
        assert!(
            lines[line].is_some_and(|it| it.ends_with(expected)),
            "{text}"
        );
    }
    let reason = "The tree is incomplete: CAGeneration clusterissuer-corp-3 and 1 more not found in \
                  namespace signet-system; set --cluster-resource-namespace to that of the operator";
    assert_eq!(lines[9], Some(reason), "{text}");

    let facts = facts(Vec::new(), ca());
    let text = drawing(&facts);
    assert!(!text.contains("no CA yet"), "{text}");
    assert!(
        text.contains("clusterissuer-corp-3 and 2 more not found"),
        "{text}"
    );
    assert_eq!(json(&facts)["roots"].as_array().unwrap().len(), 3);
}

/// For example, of a version that this program does not know.
#[test]
fn generations_that_do_not_match_the_schema_are_named() {
    let ca = vec![summary(1, "Active", Some("Current"))];
    let mut facts = facts(Vec::new(), ca);
    let mut listed = Listed::in_namespace("signet-system");
    for number in [1, 2] {
        let mut object = serde_json::to_value(generation(number, "")).unwrap();
        object["spec"]["generation"] = json!("first");
        listed.add(serde_json::from_value(object).unwrap());
    }
    facts.generations = Ok(listed);
    let text = drawing(&facts);
    assert!(
        text.contains("generation 1 (clusterissuer-corp-1): Active"),
        "{text}"
    );
    assert!(!text.contains("not found"), "{text}");
    for number in [1, 2] {
        let reason = format!(
            "The tree is incomplete: CAGeneration clusterissuer-corp-{number} does not match its \
             schema: "
        );
        assert!(text.contains(&reason), "{text}");
    }
    assert_eq!(json(&facts)["unreadable"].as_array().unwrap().len(), 2);
}

#[test]
fn a_trust_anchor_that_is_no_root_and_an_expired_certificate() {
    let upper = Ca::root("Root").issue("Upper");
    let first = upper.issue("First");
    let chain = format!("{}{}", first.pem, upper.pem);
    let mut facts = facts(
        vec![generation(1, &chain)],
        vec![summary(1, "Active", Some("Current"))],
    );
    let text = drawing(&facts);
    assert!(
        text.contains("CN=Upper (trust anchor) until 2027-01-01T"),
        "{text}"
    );
    facts.now = at(200 * DAY);
    let text = drawing(&facts);
    assert!(
        text.contains("CN=First (intermediate) expired at 2027-01-01T"),
        "{text}"
    );
}

#[test]
fn says_what_waits_for_whom() {
    let mut facts = facts(Vec::new(), Vec::new());
    let status = json!({
        "observedGeneration": 1,
        "conditions": [
            condition("Ready", "False", "KeyUnreachable", "no response"),
            condition("Rotating", "True", "WaitingForCertificate", "corp-2 waits"),
            condition("BundlePublished", "False", "Forbidden", "not written"),
        ],
        "csr": { "generation": 2, "pem": "", "sha256": "5f1d", "subjectKeyId": "a1" },
    });
    facts.status = serde_json::from_value(status).unwrap();
    let requests = |kind, count| Requests { kind, count };
    let count = |due, unapproved, is_partial| {
        Ok(Count {
            due,
            unapproved,
            is_partial,
        })
    };
    facts.requests = vec![
        requests("CertificateRequests", count(3, 1, false)),
        requests("CertificateSigningRequests", Err("forbidden".to_owned())),
        requests("PodCertificateRequests", count(7, 0, true)),
    ];
    let text = drawing(&facts);
    let expected = "ClusterIssuer corp: not ready\n\
                    trust domain example.org\n\
                    \n\
                    no CA yet\n\
                    \n\
                    What waits:\n  \
                    the issuer: KeyUnreachable: no response\n  \
                    the rotation: WaitingForCertificate: corp-2 waits\n  \
                    generation 2: a person has to get the CSR in status.csr signed (SHA-256 5f1d, \
                    subject key identifier a1)\n  \
                    the trust bundle: Forbidden: not written\n  \
                    CertificateRequests: 3 wait for a certificate\n  \
                    CertificateRequests: 1 wait for an approver\n  \
                    CertificateSigningRequests: cannot be counted: forbidden\n  \
                    PodCertificateRequests: at least 7 wait for a certificate\n  \
                    PodCertificateRequests: at least 0 wait for an approver";
    assert_eq!(text, expected);
    assert_eq!(json(&facts)["waits"].as_array().unwrap().len(), 9);
}

#[test]
fn a_status_of_an_earlier_spec_is_not_ready() {
    let mut facts = facts(Vec::new(), Vec::new());
    facts.generation = Some(2);
    let text = drawing(&facts);
    assert!(
        text.starts_with("ClusterIssuer corp: not ready\n"),
        "{text}"
    );
    assert!(text.contains("the latest change of its spec"), "{text}");
    facts.status = IssuerStatus::default();
    let text = drawing(&facts);
    assert!(
        text.contains("the issuer: no operator has observed it"),
        "{text}"
    );
}

#[test]
fn programs_read_json_and_terminals_color() {
    let root = valid(&*key::signer(KeyType::EcdsaP256), "Corp Root");
    let facts = facts(
        vec![generation(1, &root.issuing().pem())],
        vec![summary(1, "Active", Some("Current"))],
    );
    let json = json(&facts);
    assert_eq!(json["issuer"], "ClusterIssuer corp");
    assert_eq!(json["isReady"], true);
    let node = &json["roots"][0];
    assert_eq!(node["place"], "Root");
    assert_eq!(
        node["fingerprint"],
        hex::encode(root.issuing().fingerprint())
    );
    assert_eq!(node["generations"][0]["state"], "Active");
    assert_eq!(node["issued"], json!([]));
    let text = Report::new(&facts).text(OutputFormat::Text, Style::COLORED);
    assert!(text.contains("\u{1b}[32mready\u{1b}[0m"), "{text}");
    assert!(
        text.contains(": \u{1b}[32mActive\u{1b}[0m, current"),
        "{text}"
    );
}
