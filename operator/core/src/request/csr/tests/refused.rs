use super::build::{self, Parts, attribute, hex, name_attribute, oid, seq, set};
use super::openssl::{OpenSsl, P256, RSA_2048};
use crate::reason::Reason;
use crate::request::csr::{Csr, CsrError as E, MAX_SIZE, PemError};
use crate::x509::algorithm::KeyAlgorithm;
use crate::x509::names::NamesError;
use crate::x509::public_key::PublicKeyError;
use crate::x509::strict::tlv;

fn refused(der: &[u8]) -> E {
    Csr::from_der(der).expect_err("the CSR must be refused")
}

fn pem_error(pem: impl AsRef<[u8]>) -> PemError {
    match Csr::from_pem(pem.as_ref()) {
        Err(E::Pem(error)) => error,
        other => panic!("the PEM must be refused: {other:?}"),
    }
}

#[test]
fn names_weak_hashes_and_pss() {
    let openssl = OpenSsl::new();
    openssl.key("ec.pem", P256);
    openssl.key("rsa.pem", RSA_2048);
    let pss = ["-sha256", "-sigopt", "rsa_padding_mode:pss"];
    let table: [(&str, &[&str], E); 4] = [
        ("ec.pem", &["-sha1"], E::WeakHash("SHA-1")),
        ("rsa.pem", &["-sha1"], E::WeakHash("SHA-1")),
        ("rsa.pem", &["-md5"], E::WeakHash("MD5")),
        ("rsa.pem", &pss, E::RsaPss),
    ];
    for (key, args, error) in table {
        let outcome = Csr::from_pem(&openssl.csr(key, args)).unwrap_err();
        assert_eq!(outcome, error, "{key} {args:?}");
        let reason = if error == E::RsaPss {
            Reason::UnsupportedKey
        } else {
            Reason::WeakKey
        };
        assert_eq!(outcome.reason(), reason);
    }
    // SHA-224 is not broken, only not ours.
    let error = Csr::from_pem(&openssl.csr("ec.pem", &["-sha224"])).unwrap_err();
    assert!(matches!(error, E::SignatureAlgorithm(_)), "{error}");
    assert_eq!(error.reason(), Reason::UnsupportedKey);
}

#[test]
fn rejects_unsupported_keys() {
    let openssl = OpenSsl::new();
    let bits = "rsa_keygen_bits:1024";
    openssl.key("key.pem", &["-algorithm", "RSA", "-pkeyopt", bits]);
    let error = Csr::from_pem(&openssl.csr("key.pem", &[])).unwrap_err();
    assert_eq!(error, E::Key(PublicKeyError::WeakRsa(1024)));
    assert_eq!(error.reason(), Reason::WeakKey);
    assert!(error.to_string().contains("at least 2048"));

    openssl.key(
        "key.pem",
        &[
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:secp256k1",
        ],
    );
    let error = Csr::from_pem(&openssl.csr("key.pem", &[])).unwrap_err();
    assert!(matches!(error, E::Key(PublicKeyError::UnknownCurve(_))));
    assert_eq!(error.reason(), Reason::UnsupportedKey);

    let explicit = [
        "ec_paramgen_curve:P-256",
        "-pkeyopt",
        "ec_param_enc:explicit",
    ];
    openssl.key(
        "key.pem",
        &[&["-algorithm", "EC", "-pkeyopt"], &explicit[..]].concat(),
    );
    let error = Csr::from_pem(&openssl.csr("key.pem", &[])).unwrap_err();
    assert!(
        matches!(error, E::Key(PublicKeyError::Parameters("EC", _))),
        "{error}"
    );

    let ed448 = Csr::from_pem(&{
        openssl.key("key.pem", &["-algorithm", "ED448"]);
        openssl.csr("key.pem", &[])
    });
    assert_eq!(ed448.unwrap_err().reason(), Reason::UnsupportedKey);

    // The reader of the key has its own table; here is one of each reason.
    let mut parts = Parts::default();
    parts.public_key.truncate(20);
    assert_eq!(refused(&parts.sign()).reason(), Reason::InvalidCsr);
    let mut off_curve = Parts::default();
    *off_curve.public_key.last_mut().unwrap() ^= 1;
    let error = refused(&off_curve.sign());
    assert_eq!(
        error,
        E::Key(PublicKeyError::NotOnCurve(KeyAlgorithm::EcP256))
    );
}

#[test]
fn rejects_a_signature_over_other_bytes() {
    let good = Parts::default();
    let der = good.sign();
    assert!(Csr::from_der(&der).is_ok());
    // The signature of another CSR.
    let other = Parts::subject(seq(&[set(&[name_attribute("2.5.4.3", 0x0c, b"x")])]));
    let swapped = {
        let signed = other.sign();
        let tail = &signed[2 + other.info().len() + if signed.len() > 129 { 1 } else { 0 }..];
        tlv(0x30, &[&good.info()[..], tail].concat())
    };
    let error = refused(&swapped);
    assert!(matches!(error, E::Signature(_)), "{error}");
    assert_eq!(error.reason(), Reason::InvalidSignature);
    // A signature of another algorithm than the key's.
    for algorithm in [
        "300506032b6570",
        "300d06092a864886f70d01010b0500",
        "300a06082a8648ce3d040303",
    ] {
        let parts = Parts {
            signature_algorithm: hex(algorithm),
            ..Parts::default()
        };
        assert!(matches!(refused(&parts.sign()), E::Signature(_)));
    }
    // ECDSA with a NULL that RFC 5758 forbids, RSA without the one that RFC 4055 wants.
    for algorithm in ["300c06082a8648ce3d0403020500", "300b06092a864886f70d01010b"] {
        let parts = Parts {
            signature_algorithm: hex(algorithm),
            ..Parts::default()
        };
        assert!(matches!(refused(&parts.sign()), E::SignatureAlgorithm(_)));
    }
}

#[test]
fn rejects_a_frame_that_is_not_strict_der() {
    let parts = Parts::default();
    let der = parts.sign();
    let body = &der[2 + usize::from(der[1] & 0x0f) * usize::from(der[1] >= 0x80)..];
    let trailing = [&der[..], &[0]].concat();
    let inside = tlv(0x30, &[body, &[0x05, 0x00]].concat());
    let indefinite = [&[0x30, 0x80][..], body, &[0, 0]].concat();
    let long_length = [&[0x30, 0x82, 0x00][..], &der[2..]].concat();
    let info = parts.info();
    let version = &info[2 + usize::from(info[1] >= 0x80)..];
    let reordered = parts.sign_info(&tlv(0x30, &[&version[3..], &version[..3]].concat()));
    let no_key = parts.sign_info(&seq(&[hex("020100"), hex("3000")]));
    let set_for_sequence = [&[0x31], &der[1..]].concat();
    for der in [
        vec![],
        trailing,
        inside,
        indefinite,
        long_length,
        no_key,
        set_for_sequence,
        Parts {
            attributes: hex("a100"),
            ..Parts::default()
        }
        .sign(),
        Parts {
            attributes: hex("8000"),
            ..Parts::default()
        }
        .sign(),
        Parts {
            attributes: hex("a000a000"),
            ..Parts::default()
        }
        .sign(),
        Parts {
            attributes: hex("a0020500"),
            ..Parts::default()
        }
        .sign(),
    ] {
        let error = refused(&der);
        assert!(matches!(error, E::Malformed { .. }), "{error:?}");
        assert_eq!(error.reason(), Reason::InvalidCsr);
    }
    assert_eq!(refused(&reordered), E::Version);
    for version in ["020101", "02020000", "0200", "0a0100"] {
        let parts = Parts {
            version: hex(version),
            ..Parts::default()
        };
        assert_eq!(refused(&parts.sign()), E::Version, "{version}");
    }
    // A signature with unused bits.
    let mut unused = der.clone();
    let bits = unused.len() - usize::from(*unused.last_chunk::<73>().unwrap().first().unwrap());
    let bits = unused[bits..]
        .windows(2)
        .position(|w| w == [0x00, 0x30])
        .unwrap()
        + bits;
    unused[bits] = 1;
    assert!(matches!(
        refused(&unused),
        E::Malformed {
            what: "signature",
            ..
        }
    ));
}

#[test]
fn rejects_large_csrs() {
    let names = |count: usize| {
        let name = tlv(0x82, &[b'a'; 60]);
        Parts::extensions(&[build::extension(build::SAN, &seq(&vec![name; count]))]).sign()
    };
    assert!(names(1000).len() < MAX_SIZE);
    assert!(Csr::from_der(&names(1000)).is_ok());
    let too_many = refused(&names(1001));
    assert_eq!(too_many, E::Name(NamesError::TooMany(1001)));
    let der = vec![0x30; 65 * 1024];
    assert_eq!(refused(&der), E::TooLarge(65 * 1024));
    assert_eq!(Csr::from_pem(&der).unwrap_err(), E::TooLarge(65 * 1024));
    assert_eq!(refused(&der).reason(), Reason::InvalidCsr);
    assert!(refused(&der).to_string().contains("65536"));
}

#[test]
fn rejects_pem_with_text_around_it() {
    let pem = |label: &str| {
        der::pem::encode_string(label, der::pem::LineEnding::LF, &Parts::default().sign()).unwrap()
    };
    let good = pem("CERTIFICATE REQUEST");
    let headers = good.replacen('\n', "\nProc-Type: 4\n\n", 1);
    assert_eq!(pem_error(""), PemError::Missing);
    assert_eq!(pem_error("-----BEGIN"), PemError::Missing);
    assert_eq!(pem_error(b"\xff\xfe"), PemError::Missing);
    assert_eq!(pem_error(Parts::default().sign()), PemError::Missing);
    assert_eq!(pem_error(format!("text\n{good}")), PemError::TextAround);
    assert_eq!(pem_error(format!("{good}text")), PemError::TextAround);
    assert_eq!(pem_error(format!("{good}\0")), PemError::TextAround);
    assert_eq!(pem_error(good.repeat(2)), PemError::SeveralBlocks);
    assert_eq!(
        pem_error(format!("{good}{}", pem("PRIVATE KEY"))),
        PemError::SeveralBlocks
    );
    assert_eq!(
        pem_error(pem("CERTIFICATE")),
        PemError::Label("\"CERTIFICATE\"".into())
    );
    assert_eq!(
        pem_error(pem("PRIVATE KEY")),
        PemError::Label("\"PRIVATE KEY\"".into())
    );
    for damaged in [
        headers,
        good.replace("END CERT", "END X"),
        good.replacen("MI", "M!", 1),
        good.replacen("MI", "M\nI", 1),
        "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----".into(),
        "-----BEGIN CERTIFICATE REQUEST-----".into(),
        "-----BEGIN -----".into(),
    ] {
        let error = Csr::from_pem(damaged.as_bytes()).unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidCsr, "{damaged}");
    }
}

#[test]
fn rejects_malformed_subjects() {
    let value = |tag, value: &[u8]| seq(&[set(&[name_attribute("2.5.4.3", tag, value)])]);
    let a = name_attribute("2.5.4.10", 0x0c, b"a");
    let b = name_attribute("2.5.4.10", 0x0c, b"b");
    let cases = [
        ("empty RDN", seq(&[set(&[])])),
        ("RDN out of order", seq(&[set(&[b.clone(), a.clone()])])),
        ("sequence for set", seq(&[seq(std::slice::from_ref(&a))])),
        ("no sequence", set(&[])),
        (
            "attribute without value",
            seq(&[set(&[seq(&[oid("2.5.4.3")])])]),
        ),
        (
            "attribute with two values",
            seq(&[set(&[seq(&[oid("2.5.4.3"), hex("0c00"), hex("0c00")])])]),
        ),
        ("NUL", value(0x0c, b"bank.example\0.evil.example")),
        ("NUL in a BMPString", value(0x1e, b"\0a\0\0")),
        ("line break", value(0x13, b"a\nCN=b")),
        ("C1 control", value(0x14, b"a\x85")),
        ("bad UTF-8", value(0x0c, b"a\xff")),
        ("not printable", value(0x13, b"a@b")),
        ("VisibleString", value(0x1a, b"a")),
        ("OCTET STRING", value(0x04, b"a")),
        (
            "BIT STRING",
            // x500UniqueIdentifier, which has this type, and which Go does not read.
            seq(&[set(&[name_attribute("2.5.4.45", 0x03, &[0, 1])])]),
        ),
        ("not IA5", value(0x16, b"a\xe9")),
        ("not numeric", value(0x12, b"a")),
        ("odd BMPString", value(0x1e, b"\0a\0")),
        ("broken value", value(0x30, &[0x02, 0x05])),
    ];
    for (what, subject) in cases {
        let error = refused(&Parts::subject(subject).sign());
        assert!(matches!(error, E::Name(_)), "{what}: {error:?}");
        assert_eq!(error.reason(), Reason::InvalidName, "{what}");
    }
    assert!(Csr::from_der(&Parts::subject(seq(&[set(&[a, b])])).sign()).is_ok());
}

#[test]
fn rejects_unknown_and_repeated_attributes() {
    let extensions = seq(&[build::extension(
        build::SUBJECT_KEY_IDENTIFIER,
        &hex("040101"),
    )]);
    let request = attribute(build::EXTENSION_REQUEST, std::slice::from_ref(&extensions));
    let password = attribute(build::CHALLENGE_PASSWORD, &[tlv(0x0c, b"x")]);
    let other_password = attribute(build::CHALLENGE_PASSWORD, &[tlv(0x0c, b"y")]);
    let microsoft = attribute("1.3.6.1.4.1.311.2.1.14", std::slice::from_ref(&extensions));
    let error = |attributes: &[Vec<u8>]| refused(&Parts::attributes(attributes).sign());

    assert!(Csr::from_der(&Parts::attributes(&[password.clone(), request.clone()]).sign()).is_ok());
    let unknown = error(&[microsoft]);
    assert_eq!(
        unknown,
        E::UnknownAttribute("1.3.6.1.4.1.311.2.1.14".into())
    );
    assert_eq!(unknown.reason(), Reason::UnsupportedExtension);
    for repeated in [
        vec![request.clone(), request.clone()],
        vec![password.clone(), other_password],
        vec![attribute(build::EXTENSION_REQUEST, &[])],
        vec![attribute(build::CHALLENGE_PASSWORD, &[])],
        vec![attribute(
            build::EXTENSION_REQUEST,
            &[extensions.clone(), extensions.clone()],
        )],
    ] {
        assert!(matches!(error(&repeated), E::RepeatedAttribute(_)));
    }
    let no_extensions = attribute(build::EXTENSION_REQUEST, &[seq(&[])]);
    assert_eq!(error(&[no_extensions]), E::NoExtensions);
    for malformed in [
        vec![request, password],
        vec![seq(&[oid(build::CHALLENGE_PASSWORD)])],
        vec![seq(&[
            oid(build::CHALLENGE_PASSWORD),
            seq(&[tlv(0x0c, b"x")]),
        ])],
        vec![attribute(
            build::CHALLENGE_PASSWORD,
            &[tlv(0x30, &[0x02, 0x09])],
        )],
        vec![attribute(build::EXTENSION_REQUEST, &[set(&[])])],
    ] {
        assert!(matches!(error(&malformed), E::Malformed { .. }));
    }
}
