use std::time::Duration;

use signet_api::duration::GoDuration;
use signet_api::{self as api, Existing, SpiffeSpec};
use signet_core::issue::SelfSigned;
use signet_keys::KeyType;

use super::super::decide::{Step, decide};
use super::super::facts::Facts;
use super::super::reason::IssuerReason;
use super::{self_signed, stalls, without_key};
use crate::fixtures::key;

fn facts() -> Facts {
    self_signed(&key::signer(KeyType::EcdsaP256))
}

fn root(facts: &Facts) -> SelfSigned {
    match decide(facts).unwrap() {
        Step::CreateRoot { root, .. } => *root,
        step => panic!("{step:?}"),
    }
}

#[test]
fn creates_the_root_of_the_spec() {
    let mut facts = facts();
    facts.spec.certificate.self_signed = Some(api::SelfSigned {
        subject: Some("CN=Example Root,O=Example".to_owned()),
        duration: Some(GoDuration(Duration::from_secs(3600))),
        path_length: Some(1),
    });
    facts.spec.spiffe = Some(SpiffeSpec {
        trust_domain: "example.org".to_owned(),
    });
    let root = root(&facts);
    assert_eq!(root.subject.to_string(), "CN=Example Root,O=Example");
    assert_eq!(root.duration, Duration::from_secs(3600));
    assert_eq!(root.path_length, Some(1));
    assert_eq!(
        root.trust_domain.unwrap().id().to_string(),
        "spiffe://example.org"
    );
}

/// RFC 5280, appendix A: a common name has 64 characters at most.
#[test]
fn truncates_a_long_name_to_a_common_name() {
    let mut facts = facts();
    facts.name.name = "a".repeat(253);
    let subject = root(&facts).subject.to_string();
    assert_eq!(subject, format!("CN={}", "a".repeat(64)));
}

#[test]
fn names_an_invalid_subject() {
    for subject in ["", "Example", "CN", "XX=a", "=a", ","] {
        let mut facts = facts();
        facts.spec.certificate.self_signed = Some(api::SelfSigned {
            subject: Some(subject.to_owned()),
            ..api::SelfSigned::default()
        });
        let message = stalls(&facts, IssuerReason::InvalidSpec);
        let expected = format!(
            "spec.certificate.selfSigned.subject {subject:?} is empty or not a valid RFC 4514 name; write "
        );
        assert!(message.starts_with(&expected), "{message}");
    }
}

/// Before anything is made: a key for a spec that cannot work would only be in the way.
#[test]
fn names_an_invalid_trust_domain_before_it_creates_a_key() {
    for trust_domain in [
        "",
        "Example.org",
        "spiffe://example.org",
        "example.org/x",
        "a:1",
    ] {
        let mut facts = facts();
        facts.key = without_key();
        facts.spec.spiffe = Some(SpiffeSpec {
            trust_domain: trust_domain.to_owned(),
        });
        let message = stalls(&facts, IssuerReason::InvalidSpec);
        assert!(
            message.starts_with("spec.spiffe.trustDomain: "),
            "{message}"
        );
    }
}

/// The schema refuses both; a CRD that was changed by hand does not.
#[test]
fn requires_exactly_one_source() {
    let mut none = facts();
    none.spec.certificate.self_signed = None;
    let mut both = facts();
    both.spec.certificate.existing = Some(Existing::default());
    for mut facts in [none, both] {
        stalls(&facts, IssuerReason::InvalidSpec);
        facts.key = without_key();
        stalls(&facts, IssuerReason::InvalidSpec);
    }
}
