//! PEM files as people and programs write them.

use super::Three;
use crate::ca::{CaChain, ChainError};
use crate::fixtures::NOW;
use crate::fixtures::certificate::Parts;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::key::Key;

fn read(tls_crt: &str) -> Result<CaChain, ChainError> {
    CaChain::from_pem(tls_crt.as_bytes(), None, NOW)
}

#[track_caller]
fn assert_unreadable(outcome: Result<CaChain, ChainError>, number: usize, sentence: &str) {
    match outcome {
        Err(ChainError::Unreadable { index, message }) => {
            assert_eq!(index, number, "{message}");
            assert!(message.contains(sentence), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn ignores_text_around_the_blocks() {
    let Three {
        root,
        middle,
        issuing,
    } = Three::new();
    let [issuing, middle, root] = [issuing, middle, root].map(|parts| parts.pem());
    let expected = read(&format!("{issuing}{middle}{root}")).unwrap();
    for written in [
        format!("subject=CN=issuing\nissuer=CN=middle\n{issuing}\n\n# middle ü\n{middle}{root}end"),
        format!("{issuing}{middle}{root}").replace('\n', "\r\n"),
        // Without the last line break.
        format!("{issuing}{middle}{}", root.trim_end()),
    ] {
        assert_eq!(read(&written), Ok(expected.clone()), "{written}");
    }
}

#[test]
fn reports_a_file_without_a_certificate() {
    let request = String::from_utf8(CsrParts::default().pem()).unwrap();
    for nothing in ["", "\n", "garbage", &request] {
        assert_eq!(read(nothing), Err(ChainError::Empty), "{nothing}");
    }
    // ca.crt may be.
    let root = Parts::root("root", &Key::p256(1)).pem();
    for nothing in ["", "garbage"] {
        CaChain::from_pem(root.as_bytes(), Some(nothing.as_bytes()), NOW).unwrap();
    }
}

#[test]
fn reports_the_index_of_a_malformed_certificate() {
    let root = Parts::root("root", &Key::p256(1)).pem();
    let begin = "-----BEGIN CERTIFICATE-----\n";
    let end = "-----END CERTIFICATE-----\n";
    assert_unreadable(read(&format!("{root}{begin}AAAA\n{end}")), 2, "");
    assert_unreadable(read(&format!("{root}{begin}!!!!\n{end}")), 2, "not PEM");
    assert_unreadable(read(&format!("{begin}{root}")), 1, "no end line");
    assert_unreadable(read(&root.replace(end, "")), 1, "no end line");
    assert_unreadable(read(&format!("{begin}{end}")), 1, "");
    assert_unreadable(
        CaChain::from_pem(&[0xff, 0xfe], None, NOW),
        1,
        "not PEM text",
    );
    let mut binary = root.clone().into_bytes();
    binary.push(0xff);
    assert_unreadable(CaChain::from_pem(&binary, None, NOW), 1, "not PEM text");
    assert_unreadable(
        CaChain::from_pem(root.as_bytes(), Some(&binary), NOW),
        1,
        "not PEM text",
    );
}

#[test]
fn rejects_more_than_any_chain_needs() {
    let root = Parts::root("root", &Key::p256(1)).pem();
    assert_eq!(names_of(&root.repeat(32)), ["CN=root"]);
    assert_eq!(read(&root.repeat(33)), Err(ChainError::TooMany(32)));
    let many = root.repeat(33);
    let outcome = CaChain::from_pem(root.as_bytes(), Some(many.as_bytes()), NOW);
    assert_eq!(outcome, Err(ChainError::TooMany(32)));

    let most = 64 * 1024;
    let padded = format!("{root}{}", " ".repeat(most - root.len()));
    assert_eq!(names_of(&padded), ["CN=root"]);
    assert_eq!(read(&format!("{padded} ")), Err(ChainError::TooLarge(most)));
}

fn names_of(tls_crt: &str) -> Vec<String> {
    read(tls_crt)
        .unwrap()
        .path()
        .iter()
        .map(|one| one.subject().to_owned())
        .collect()
}

#[test]
fn messages_state_what_to_change() {
    let table = [
        (ChainError::Empty, "put the CA certificate first"),
        (
            ChainError::TooMany(32),
            "keep only those of the CA's own chain",
        ),
        (
            ChainError::TooLarge(9),
            "keep only the certificates of the CA's",
        ),
        (ChainError::Unrelated("CN=x".to_owned()), "remove it"),
        (
            ChainError::Signature {
                subject: "CN=x".to_owned(),
                algorithm: "SHA-1".to_owned(),
            },
            "have it signed again",
        ),
        (
            ChainError::NoPathToRoot("CN=x".to_owned()),
            "add the root and the intermediates above it",
        ),
        (
            ChainError::TooManyCandidates,
            "keep only those of the CA's own chain",
        ),
    ];
    for (error, sentence) in table {
        assert!(error.to_string().contains(sentence), "{error}");
    }
}
