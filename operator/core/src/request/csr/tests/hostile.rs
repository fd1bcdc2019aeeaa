use super::build::{self, Parts, extension, hex, oid, seq};
use super::openssl::OpenSsl;
use crate::request::csr::{Csr, CsrError as E};
use crate::x509::strict::tlv;

/// Two good CSRs: everything that is known, and one by OpenSSL with an Ed25519 key.
fn good() -> [Vec<u8>; 2] {
    let openssl = OpenSsl::new();
    openssl.key("key.pem", &["-algorithm", "ED25519"]);
    let extensions = "subjectAltName = URI:spiffe://td/a, dirName:dn\nkeyUsage = cRLSign";
    let pem = openssl.csr_with("key.pem", extensions, &[]);
    let (_, document) = der::Document::from_pem(str::from_utf8(&pem).unwrap()).unwrap();
    [build::full(), document.into_vec()]
}

#[test]
fn rejects_every_prefix() {
    for der in good() {
        assert!(Csr::from_der(&der).is_ok());
        for length in 0..der.len() {
            assert!(Csr::from_der(&der[..length]).is_err(), "{length}");
        }
    }
}

#[test]
fn rejects_a_change_of_any_byte() {
    // Each byte is part of the frame, of what is signed or of the signature, so that no change
    // of one byte leaves a CSR that is accepted; and none makes the reader panic.
    let [full, small] = good();
    // All values of each byte take seconds with P-256: these are the bits one by one, and what
    // lengths and tags are made of.
    let telling = |byte: u8| {
        let flipped = (0..8).map(move |bit| byte ^ (1 << bit));
        flipped.chain([0x00, 0x01, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x82, 0xa0, 0xff])
    };
    check_mutants(&full, |byte| telling(byte).collect());
    check_mutants(&small, |_| (0..=u8::MAX).collect());
}

fn check_mutants(der: &[u8], values: impl Fn(u8) -> Vec<u8>) {
    let mut mutant = der.to_vec();
    for i in 0..der.len() {
        for value in values(der[i]) {
            if value != der[i] {
                mutant[i] = value;
                assert!(Csr::from_der(&mutant).is_err(), "byte {i} as {value:02x}");
            }
        }
        mutant[i] = der[i];
    }
}

#[test]
fn rejects_inserted_and_removed_bytes() {
    for der in good() {
        for i in 0..der.len() {
            let without = [&der[..i], &der[i + 1..]].concat();
            assert!(Csr::from_der(&without).is_err(), "without byte {i}");
            let with = [&der[..i], &[0], &der[i..]].concat();
            assert!(Csr::from_der(&with).is_err(), "one more at {i}");
        }
    }
}

#[test]
fn mutated_pem_never_panics() {
    let pem = der::pem::encode_string(
        "CERTIFICATE REQUEST",
        der::pem::LineEnding::LF,
        &build::full(),
    );
    let pem = pem.unwrap().into_bytes();
    assert!(Csr::from_pem(&pem).is_ok());
    // The last byte ends the line.
    for length in 0..pem.len() - 1 {
        assert!(Csr::from_pem(&pem[..length]).is_err(), "{length}");
    }
    for i in 0..pem.len() {
        for value in [0, b'\n', b'\r', b' ', b'-', b'=', b':', b'A', 0x80, 0xff] {
            let mut mutant = pem.clone();
            mutant[i] = value;
            let accepted = Csr::from_pem(&mutant).is_ok();
            // White space in place of white space is all that may change.
            let only_space = pem[i].is_ascii_whitespace() && value.is_ascii_whitespace();
            assert!(
                !accepted || mutant == pem || only_space,
                "byte {i} as {value:02x}"
            );
        }
    }
}

#[test]
fn bounds_the_nesting_depth() {
    // otherName and an ignored attribute hold anything; a certificate that nests too deep is
    // refused by OpenSSL.
    let nested = |depth| (0..depth).fold(hex("0500"), |inner, _| tlv(0x30, &inner));
    let other_name = |depth| {
        let name = tlv(0xa0, &[oid("1.2.3"), tlv(0xa0, &nested(depth))].concat());
        Csr::from_der(&Parts::extensions(&[extension(build::SAN, &seq(&[name]))]).sign())
    };
    assert!(other_name(16).is_ok());
    assert!(matches!(other_name(17), Err(E::Name(_))));
    assert!(matches!(other_name(5_000), Err(E::Name(_))));
    let attribute = build::attribute(build::CHALLENGE_PASSWORD, &[nested(5_000)]);
    let outcome = Csr::from_der(&Parts::attributes(&[attribute]).sign());
    assert!(matches!(outcome, Err(E::Malformed { .. })));
}

#[test]
fn keeps_messages_short_for_any_input() {
    let long = tlv(0x82, &[b'!'; 60_000]);
    let san = extension(build::SAN, &seq(&[long]));
    let label = format!(
        "-----BEGIN {}-----\nAAAA\n-----END x-----",
        "x".repeat(60_000)
    );
    let errors = [
        Csr::from_der(&Parts::extensions(&[san]).sign()).unwrap_err(),
        Csr::from_pem(label.as_bytes()).unwrap_err(),
    ];
    for error in errors {
        let message = error.to_string();
        assert!(message.len() < 400 && !message.contains('\n'), "{message}");
    }
}
