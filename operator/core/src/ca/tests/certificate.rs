//! Which certificates are those of a CA.

use const_oid::ObjectIdentifier;

use crate::ca::{CaCertificate, ChainError};
use crate::fixtures::certificate::Parts;
use crate::fixtures::der::{
    BASIC_CONSTRAINTS, KEY_USAGE, SAN, SUBJECT_KEY_IDENTIFIER, cn, critical, dns, extension, hex,
    no_name, seq, tlv, uri,
};
use crate::fixtures::key::{Key, Kind};
use crate::fixtures::{DAY, at};

fn root() -> Parts {
    Parts::root("root", &Key::p256(1))
}

#[track_caller]
fn assert_unfit(parts: &Parts, sentence: &str) {
    match CaCertificate::from_der(&parts.der()) {
        Err(ChainError::Unfit { message, .. }) => assert!(message.contains(sentence), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_unreadable(parts: &Parts, sentence: &str) {
    match CaCertificate::from_der(&parts.der()) {
        Err(ChainError::Unreadable { index: 1, message }) => {
            assert!(message.contains(sentence), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_every_field_of_a_ca_certificate() {
    for kind in Kind::ALL {
        let key = Key::new(kind, 1);
        let parts = Parts::root("root", &key).path_length(7);
        let ca = CaCertificate::from_der(&parts.der()).unwrap();
        assert_eq!(ca.der(), parts.der());
        assert_eq!(ca.pem(), parts.pem());
        assert_eq!(ca.subject(), "CN=root");
        assert_eq!(ca.subject_der(), cn("root"));
        assert_eq!(
            (ca.not_before(), ca.not_after()),
            (at(-30 * DAY), at(300 * DAY))
        );
        assert_eq!(ca.public_key(), key.public());
        assert_eq!(ca.path_length(), Some(7));
        assert_eq!(ca.subject_key_identifier().map(<[u8]>::len), Some(6));
        assert_eq!(ca.fingerprint().len(), 32);
        assert!(ca.is_self_signed(), "{kind:?}");
    }
}

/// A tenant's CA certificate is shown in conditions and in the log. Found by fuzzing.
#[test]
fn escapes_the_control_characters_of_a_subject() {
    let parts = Parts {
        subject: cn("ro\u{81}t\u{1b}[2J\n"),
        ..root()
    };
    let ca = CaCertificate::from_der(&parts.der()).unwrap();
    assert!(
        !ca.subject().contains(char::is_control),
        "{:?}",
        ca.subject()
    );
    assert_eq!(ca.subject_der(), parts.subject);
}

/// No verifier reads it, so nothing under it would verify. Found by fuzzing.
#[test]
fn rejects_an_issuer_that_is_not_a_name() {
    let parts = Parts {
        issuer: hex("300f313a300b06035504030c04726f6f74"),
        ..root()
    };
    assert_unreadable(&parts, "incomplete");
}

#[test]
fn pki_4_rejects_a_leaf() {
    let sentence = "basicConstraints CA:TRUE is missing";
    assert_unfit(&root().with(BASIC_CONSTRAINTS, None), sentence);
    let leaf = critical(BASIC_CONSTRAINTS, &hex("3000"));
    assert_unfit(&root().with(BASIC_CONSTRAINTS, Some(leaf)), sentence);
    assert_unfit(
        &Parts {
            extensions: Vec::new(),
            ..root()
        },
        sentence,
    );
}

#[test]
fn pki_5_rejects_a_ca_without_key_cert_sign() {
    for bits in ["03020102", "03020780", "030100"] {
        let usage = critical(KEY_USAGE, &hex(bits));
        assert_unfit(
            &root().with(KEY_USAGE, Some(usage)),
            "keyCertSign is missing",
        );
    }
    // keyCertSign among others, or no word on usages at all.
    for usage in [Some(critical(KEY_USAGE, &hex("03020186"))), None] {
        CaCertificate::from_der(&root().with(KEY_USAGE, usage).der()).unwrap();
    }
}

#[test]
fn rejects_an_extension_that_cannot_be_read() {
    let table = [
        (BASIC_CONSTRAINTS, "basicConstraints", hex("30030102ff")),
        (BASIC_CONSTRAINTS, "basicConstraints", hex("30030101ff00")),
        // Path lengths with a needless zero and below zero.
        (
            BASIC_CONSTRAINTS,
            "basicConstraints",
            hex("30070101ff02020001"),
        ),
        (
            BASIC_CONSTRAINTS,
            "basicConstraints",
            hex("30060101ff0201ff"),
        ),
        (KEY_USAGE, "keyUsage", hex("0402 0106")),
        (KEY_USAGE, "keyUsage", Vec::new()),
        (
            SUBJECT_KEY_IDENTIFIER,
            "subjectKeyIdentifier",
            hex("0c0161"),
        ),
        (
            SUBJECT_KEY_IDENTIFIER,
            "subjectKeyIdentifier",
            b"naked".to_vec(),
        ),
    ];
    for (id, name, value) in table {
        let parts = root().with(id, Some(extension(id, &value)));
        assert_unfit(&parts, &format!("malformed {name}"));
    }
}

#[test]
fn reads_a_path_length_above_255() {
    let value = hex("30070101ff02020100");
    let parts = root().with(BASIC_CONSTRAINTS, Some(critical(BASIC_CONSTRAINTS, &value)));
    let ca = CaCertificate::from_der(&parts.der()).unwrap();
    assert_eq!(ca.path_length(), Some(255));
}

#[test]
fn rfc_5280_4_2_rejects_a_repeated_extension() {
    let again = [
        critical(BASIC_CONSTRAINTS, &hex("30030101ff")),
        critical(BASIC_CONSTRAINTS, &hex("3000")),
        critical(KEY_USAGE, &hex("03020106")),
        extension(SUBJECT_KEY_IDENTIFIER, &tlv(0x04, b"b")),
    ];
    for extension in again {
        assert_unfit(&root().and(extension), "twice");
    }
    // Those that are not read count too.
    let unknown = extension("1.3.6.1.4.1.99999.1", b"\x05\x00");
    CaCertificate::from_der(&root().and(unknown.clone()).der()).unwrap();
    assert_unfit(
        &root().and(unknown.clone()).and(unknown),
        "1.3.6.1.4.1.99999.1 twice",
    );
}

#[test]
fn pki_2_rejects_a_ca_without_a_subject() {
    assert_unfit(
        &Parts {
            subject: no_name(),
            ..root()
        },
        "no subject",
    );
}

#[test]
fn rfc_5280_4_1_rejects_other_versions() {
    for version in [hex("a003020101"), hex("a003020103")] {
        assert_unreadable(&Parts { version, ..root() }, "version 3");
    }
}

#[test]
fn rfc_5280_4_1_1_2_rejects_two_signature_algorithms() {
    let sha384 = Some(hex("300a06082a8648ce3d040303"));
    assert_unreadable(
        &Parts {
            inner_algorithm: sha384.clone(),
            ..root()
        },
        "two signature",
    );
    assert_unreadable(
        &Parts {
            outer_algorithm: sha384,
            ..root()
        },
        "two signature",
    );
}

#[test]
fn reads_an_expiry_without_a_date_as_the_last_second() {
    let end = jiff::Timestamp::constant(jiff::Timestamp::MAX.as_second(), 0);
    let der = root().valid(at(-DAY), end).der();
    let written = b"99991230220000Z";
    let place = der
        .windows(written.len())
        .position(|window| window == written)
        .unwrap();
    // RFC 5280 4.1.2.5: 99991231235959Z says that there is no well-defined end.
    let endless = [
        &der[..place],
        b"99991231235959Z",
        &der[place + written.len()..],
    ]
    .concat();
    assert_eq!(CaCertificate::from_der(&endless).unwrap().not_after(), end);
}

#[test]
fn recognizes_the_issuer_of_a_certificate() {
    let above = root();
    let read = |parts: &Parts| CaCertificate::from_der(&parts.der()).unwrap();
    let below = Parts::intermediate("below", &Key::p256(2), &above);
    let (above, issued) = (read(&above), read(&below));
    assert!(issued.is_issued_by(&above) && !above.is_issued_by(&issued));
    assert!(!issued.is_self_signed() && above.is_self_signed());
    // The right key under another name, and the right name over another key.
    let renamed = read(&Parts::root("other", &Key::p256(1)));
    let impostor = read(&Parts::root("root", &Key::p256(9)));
    assert!(!issued.is_issued_by(&renamed) && !issued.is_issued_by(&impostor));
    // An object identifier that no algorithm of ours has proves nothing.
    let id = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
    let sha1 = Some(tlv(0x30, &tlv(0x06, id.as_bytes())));
    let unknown = Parts {
        inner_algorithm: sha1.clone(),
        outer_algorithm: sha1,
        ..below
    };
    assert!(!read(&unknown).is_issued_by(&above));
}

/// What `openssl x509 -req` makes of a CA's CSR when no extension file is given.
#[test]
fn a_version_1_certificate_gets_its_own_message() {
    let parts = Parts {
        version: Vec::new(),
        extensions: Vec::new(),
        ..root()
    };
    assert_unfit(&parts, "signed without an extension file");
}

#[test]
fn rejects_a_weak_rsa_key_by_its_subject() {
    let openssl = signet_readers::OpenSsl::new();
    openssl.run("req -x509 -newkey rsa:1024 -nodes -keyout key -out ca.pem -subj /CN=old -days 9");
    let der = openssl.run("x509 -in ca.pem -outform DER");
    let error = CaCertificate::from_der(&der).unwrap_err().to_string();
    assert!(
        error.starts_with("the certificate of CN=old cannot be used: an RSA key of 1024 bits"),
        "{error}"
    );
}

#[test]
fn reads_serial_number_and_spiffe_ids() {
    let names = seq(&[
        uri("spiffe://example.org"),
        dns("ca.example"),
        uri("https://ca.example"),
    ]);
    let ca = CaCertificate::from_der(&root().and(extension(SAN, &names)).der()).unwrap();
    assert_eq!(ca.serial_number(), [1]);
    let ids: Vec<_> = ca.spiffe_ids().collect();
    assert_eq!(ids, ["spiffe://example.org"]);
}
