//! Which key a configuration names.

use super::*;

fn software(entry: Option<&str>) -> Software {
    Software {
        secret_name: "ca".to_owned(),
        key_type: KeyType::default(),
        entry: entry.map(str::to_owned),
    }
}

/// No Secret's name has a slash, so no two keys share a reference.
#[test]
fn another_entry_is_another_key() {
    for (entry, reference, hint) in [
        (
            None,
            "software/ca",
            "software.secretName: ca, software.keyType: ECDSAP256",
        ),
        (
            Some("tls.key"),
            "software/ca",
            "software.secretName: ca, software.keyType: ECDSAP256",
        ),
        (
            Some("a1b2"),
            "software/ca/a1b2",
            "software.secretName: ca, software.keyType: ECDSAP256, software.entry: a1b2",
        ),
    ] {
        let software = software(entry);
        assert_eq!(software.reference(), reference);
        assert_eq!(software.spec_hint(), hint);
    }
}

#[test]
fn an_entry_is_the_default_one_or_its_own() {
    assert_eq!(software(None).entry(), "tls.key");
    assert_eq!(software(Some("a1b2")).entry(), "a1b2");
}

#[test]
fn the_subject_key_identifier_is_a_valid_entry() {
    let key = GeneratedKey::new(KeyType::Ed25519).unwrap();
    let identifier = key.subject_key_id();
    assert_eq!(identifier.len(), 40);
    assert!(identifier.bytes().all(|byte| byte.is_ascii_hexdigit()));
}
