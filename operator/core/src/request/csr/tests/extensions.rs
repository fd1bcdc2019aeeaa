use super::build::{self, Parts, critical, extension, hex, oid, seq};
use crate::reason::Reason;
use crate::request::csr::{Csr, CsrError as E};
use crate::x509::names::NamesError;
use crate::x509::strict::tlv;

fn outcome(extensions: &[Vec<u8>]) -> Result<Csr, E> {
    Csr::from_der(&Parts::extensions(extensions).sign())
}

fn error(extensions: &[Vec<u8>]) -> E {
    outcome(extensions).expect_err("the CSR must be refused")
}

/// The refusal of an extension with this value; it must be about that extension.
fn invalid(id: &str, value: &str) -> String {
    match error(&[extension(id, &hex(value))]) {
        error @ E::InvalidExtension { .. } => {
            assert_eq!(error.reason(), Reason::InvalidCsr);
            error.to_string()
        }
        other => panic!("{id} {value}: {other:?}"),
    }
}

#[test]
fn names_an_unknown_extension() {
    // TLS feature, certificate policies, authority key identifier, and an unknown one.
    for id in [
        "1.3.6.1.5.5.7.1.24",
        "2.5.29.32",
        "2.5.29.35",
        "1.3.6.1.4.1.99999.1",
    ] {
        for unknown in [extension(id, &hex("3000")), critical(id, &hex("3000"))] {
            let error = error(&[unknown]);
            assert_eq!(error.reason(), Reason::UnsupportedExtension);
            let message = error.to_string();
            assert!(
                message.contains(id) && message.contains("remove it"),
                "{message}"
            );
        }
    }
}

#[test]
fn rejects_a_repeated_extension() {
    let san = |name: &[u8]| extension(build::SAN, &seq(&[tlv(0x82, name)]));
    for second in [san(b"a.example"), san(b"b.example")] {
        let error = error(&[san(b"a.example"), second]);
        assert_eq!(
            error,
            E::RepeatedExtension("2.5.29.17 (id-ce-subjectAltName)".into())
        );
        assert_eq!(error.reason(), Reason::InvalidCsr);
    }
    let identifier = extension(build::SUBJECT_KEY_IDENTIFIER, &hex("040101"));
    assert!(matches!(
        error(&[identifier.clone(), identifier]),
        E::RepeatedExtension(_)
    ));
}

#[test]
fn rejects_a_malformed_extension() {
    let id = oid(build::SUBJECT_KEY_IDENTIFIER);
    let value = tlv(0x04, &hex("040101"));
    assert!(outcome(&[seq(&[id.clone(), hex("0101ff"), value.clone()])]).is_ok());
    let cases = [
        (
            "critical FALSE written out",
            seq(&[id.clone(), hex("010100"), value.clone()]),
        ),
        (
            "critical of another value",
            seq(&[id.clone(), hex("010101"), value.clone()]),
        ),
        ("no value", seq(std::slice::from_ref(&id))),
        (
            "critical behind",
            seq(&[id.clone(), value.clone(), hex("0101ff")]),
        ),
        (
            "something behind",
            seq(&[id.clone(), value.clone(), hex("0500")]),
        ),
        (
            "value of another type",
            seq(&[id, tlv(0x03, &hex("00040101"))]),
        ),
        ("no identifier", seq(std::slice::from_ref(&value))),
        ("identifier of no arc", seq(&[hex("0600"), value])),
        ("no sequence", hex("0500")),
    ];
    for (what, extension) in cases {
        let error = error(&[extension]);
        assert!(
            matches!(
                error,
                E::Malformed {
                    what: "extension",
                    ..
                }
            ),
            "{what}: {error:?}"
        );
    }
}

#[test]
fn rejects_trailing_bytes_in_values() {
    for (id, value) in [
        (build::BASIC_CONSTRAINTS, "30030101ff"),
        (build::KEY_USAGE, "03020780"),
        (build::EXT_KEY_USAGE, "300406022a03"),
        (build::NAME_CONSTRAINTS, "3006 a0 04 3002 8200"),
        (build::SUBJECT_KEY_IDENTIFIER, "040101"),
    ] {
        assert!(outcome(&[extension(id, &hex(value))]).is_ok(), "{id}");
        invalid(id, &format!("{value}00"));
        invalid(id, &format!("{value}0500"));
        invalid(id, "");
        invalid(id, "0500");
    }
    let san = [seq(&[tlv(0x82, b"a")]), vec![0]].concat();
    let error = error(&[extension(build::SAN, &san)]);
    assert!(
        matches!(error, E::Name(NamesError::Malformed { .. })),
        "{error:?}"
    );
    assert_eq!(error.reason(), Reason::InvalidName);
}

#[test]
fn reads_basic_constraints() {
    let read = |value: &str| {
        let csr = outcome(&[critical(build::BASIC_CONSTRAINTS, &hex(value))]).unwrap();
        let constraints = csr.extensions.basic_constraints.unwrap();
        (constraints.ca, constraints.path_length)
    };
    assert_eq!(read("3000"), (false, None));
    assert_eq!(read("30030101ff"), (true, None));
    assert_eq!(read("30060101ff020100"), (true, Some(0)));
    assert_eq!(read("30070101ff020200ff"), (true, Some(255)));
    // RFC 5280 4.2.1.9 knows no greatest path length: 256, and one of nine bytes.
    assert_eq!(read("30070101ff02020100"), (true, Some(255)));
    assert_eq!(read("300e0101ff020900ffffffffffffffff"), (true, Some(255)));

    // cA FALSE written out, another TRUE, a path length of a leaf, negative and not minimal.
    for value in [
        "3003010100",
        "3003010101",
        "3003020100",
        "3006010100020100",
        "30060101ff0201ff",
        "30070101ff02020001",
    ] {
        invalid(build::BASIC_CONSTRAINTS, value);
    }
    assert!(invalid(build::BASIC_CONSTRAINTS, "3003020100").contains("without cA"));
}

#[test]
fn reads_key_usage() {
    let read = |value: &str| {
        let csr = outcome(&[critical(build::KEY_USAGE, &hex(value))]).unwrap();
        csr.extensions.key_usage.unwrap().0.bits()
    };
    // digitalSignature; it and keyEncipherment; keyCertSign and cRLSign; decipherOnly.
    assert_eq!(read("03020780"), 0b1);
    assert_eq!(read("030205a0"), 0b101);
    assert_eq!(read("03020106"), 0b110_0000);
    assert_eq!(read("0303070080"), 0b1_0000_0000);

    // No bit, trailing zeros, unused bits that are set, a tenth bit, too long.
    for value in [
        "030100",
        "03020000",
        "03020080",
        "03020781",
        "0303060040",
        "0304000000ff",
    ] {
        invalid(build::KEY_USAGE, value);
    }
}

#[test]
fn reads_extended_key_usage() {
    invalid(build::EXT_KEY_USAGE, "3000");
    invalid(build::EXT_KEY_USAGE, "30020500");
    // So many that to compare each with each takes long.
    let purposes = |count: usize| {
        let arcs = 0..count;
        seq(&arcs
            .map(|arc| oid(&format!("1.3.6.{arc}")))
            .collect::<Vec<_>>())
    };
    let most = outcome(&[extension(build::EXT_KEY_USAGE, &purposes(64))]).unwrap();
    assert_eq!(
        most.extensions.extended_key_usage.as_ref().unwrap().len(),
        64
    );
    let message = invalid(build::EXT_KEY_USAGE, &hex::encode(purposes(65)));
    assert!(message.contains("names 65 purposes"), "{message}");
    // Longer than any identifier in use.
    let long = seq(&[tlv(0x06, &[0x2a; 40])]);
    invalid(build::EXT_KEY_USAGE, &hex::encode(long));
}
