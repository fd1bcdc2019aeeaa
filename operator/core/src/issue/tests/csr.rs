//! The CSR for an issuer's own CA certificate.

use der::{Decode, Encode};
use x509_cert::TbsCertificate;
use x509_cert::crl::TbsCertList;
use x509_cert::ext::Extensions;
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo};

use super::{leaf, seconds};
use crate::fixtures::NOW;
use crate::fixtures::ca::Ca;
use crate::fixtures::der::{
    BASIC_CONSTRAINTS, KEY_USAGE, NAME_CONSTRAINTS, SAN, SUBJECT_KEY_IDENTIFIER, hex, seq, tlv, uri,
};
use crate::fixtures::key::{Key, Kind};
use crate::issue::{
    CaRequest, Csr, CsrToSign, IssueError, SelfSigned, Signature, ToBeSigned, parse_subject,
};
use crate::request::csr;
use crate::spiffe::TrustDomain;
use crate::x509::basic_constraints::BasicConstraints;
use crate::x509::name_constraints::{NameConstraints, Subtrees};
use crate::x509::public_key::SignatureMismatch;

pub(super) const SUBJECT: &str = "CN=Mesh CA,OU=Payments,OU=Platform,O=Example,C=DE";

/// Of everything that can be requested.
pub(super) fn request() -> CaRequest {
    let permitted = Subtrees {
        dns_domains: vec!["example.org".to_owned()],
        ip_ranges: vec!["10.0.0.0/8".to_owned()],
        ..Subtrees::default()
    };
    CaRequest {
        subject: parse_subject(SUBJECT).unwrap(),
        path_length: Some(1),
        trust_domain: Some(TrustDomain::parse("example.org").unwrap()),
        name_constraints: Some(NameConstraints::new(&permitted, &Subtrees::default()).unwrap()),
    }
}

fn plain() -> CaRequest {
    CaRequest {
        path_length: None,
        trust_domain: None,
        name_constraints: None,
        ..request()
    }
}

fn to_sign(request: &CaRequest, key: &Key) -> CsrToSign {
    request.to_be_signed(key.public(), key.algorithm()).unwrap()
}

pub(super) fn csr(request: &CaRequest, key: &Key) -> Csr {
    let to_sign = to_sign(request, key);
    Csr::assemble(&to_sign, &Signature::new(key.sign(to_sign.der()))).unwrap()
}

/// Each extension as its identifier, `!` if it is critical, and its value.
fn extensions(csr: &Csr) -> Vec<(String, Vec<u8>)> {
    let csr = CertReq::from_der(csr.der()).unwrap();
    let attributes = &csr.info.attributes;
    assert_eq!(attributes.len(), 1);
    let attribute = attributes.get(0).unwrap();
    assert_eq!(attribute.oid.to_string(), "1.2.840.113549.1.9.14");
    assert_eq!(attribute.values.len(), 1);
    let value = attribute.values.get(0).unwrap().to_der().unwrap();
    let shown = |critical| if critical { "!" } else { "" };
    (Extensions::from_der(&value).unwrap().into_iter())
        .map(|one| {
            let name = format!("{}{}", one.extn_id, shown(one.critical));
            (name, one.extn_value.as_bytes().to_vec())
        })
        .collect()
}

#[test]
fn requests_what_the_spec_says() {
    let key = Key::p256(1);
    let dns = seq(&[tlv(0x82, b"example.org")]);
    let ip = seq(&[tlv(0x87, &hex("0a000000 ff000000"))]);
    assert_eq!(
        extensions(&csr(&request(), &key)),
        [
            (
                SUBJECT_KEY_IDENTIFIER.to_owned(),
                tlv(0x04, &key.public().key_identifier())
            ),
            (format!("{KEY_USAGE}!"), hex("03020106")),
            (format!("{BASIC_CONSTRAINTS}!"), hex("30060101ff020101")),
            // X5-7: without a path.
            (SAN.to_owned(), seq(&[uri("spiffe://example.org")])),
            (
                format!("{NAME_CONSTRAINTS}!"),
                seq(&[tlv(0xa0, &[dns, ip].concat())])
            ),
        ]
    );
}

#[test]
fn a_plain_request_has_no_names_and_no_limits() {
    let extensions = extensions(&csr(&plain(), &Key::p256(1)));
    let names: Vec<_> = extensions.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["2.5.29.14", "2.5.29.15!", "2.5.29.19!"]);
    assert_eq!(extensions[2].1, hex("30030101ff"));
}

/// Two readers that were written apart from the writer, over a key of every kind.
#[test]
fn signets_own_strict_reader_reads_what_was_requested() {
    for kind in Kind::ALL {
        let key = Key::new(kind, 1);
        let signed = csr(&request(), &key);
        let read = csr::Csr::from_pem(signed.pem().as_bytes()).unwrap();
        assert_eq!(read.subject_der, request().subject.to_der().unwrap());
        assert_eq!(&read.public_key, key.public());
        let extensions = &read.extensions;
        let constraints = BasicConstraints {
            ca: true,
            path_length: Some(1),
        };
        assert_eq!(extensions.basic_constraints, Some(constraints));
        let names = extensions.subject_alt_names.as_ref().unwrap();
        assert_eq!(names.uris(), ["spiffe://example.org"]);
        let constraints = request().name_constraints.unwrap();
        assert_eq!(
            extensions.name_constraints.as_deref(),
            Some(constraints.der())
        );
        assert_eq!(extensions.extended_key_usage, None);
    }
}

#[test]
fn the_same_key_and_request_make_the_same_bytes() {
    let key = Key::p256(1);
    let bytes = |request: &CaRequest, key: &Key| to_sign(request, key).der().to_vec();
    assert_eq!(bytes(&request(), &key), bytes(&request(), &key));
    assert_ne!(bytes(&request(), &key), bytes(&plain(), &key));
    assert_ne!(bytes(&request(), &key), bytes(&request(), &Key::p256(2)));
}

#[test]
fn the_fingerprint_is_sha_256_over_the_der() {
    let csr = csr(&request(), &Key::p256(1));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, csr.der());
    assert_eq!(csr.fingerprint(), hex::encode(digest));
    let (label, der) = der::pem::decode_vec(csr.pem().as_bytes()).unwrap();
    assert_eq!((label, &der[..]), ("CERTIFICATE REQUEST", csr.der()));
}

#[test]
fn assembles_only_with_a_signature_of_the_key_over_the_bytes() {
    for kind in Kind::ALL {
        let (key, other) = (Key::new(kind, 1), Key::new(kind, 2));
        let to_sign = to_sign(&request(), &key);
        for wrong in [other.sign(to_sign.der()), key.sign(b"other"), Vec::new()] {
            assert_eq!(
                Csr::assemble(&to_sign, &Signature::new(wrong)),
                Err(IssueError::SignatureMismatch(SignatureMismatch))
            );
        }
    }
}

/// PKI-2: a CA has a subject.
#[test]
fn rejects_a_request_without_a_subject() {
    let nameless = CaRequest {
        subject: Name::default(),
        ..request()
    };
    let key = Key::p256(1);
    let outcome = nameless.to_be_signed(key.public(), key.algorithm());
    assert_eq!(outcome.unwrap_err(), IssueError::NoSubject);
}

/// No name that a verifier would refuse goes to the parent, however it was made.
#[test]
fn rejects_a_subject_that_verifiers_do_not_read() {
    let unreadable = CaRequest {
        subject: "CN=a\\00b".parse().unwrap(),
        ..request()
    };
    let key = Key::p256(1);
    let to_sign = to_sign(&unreadable, &key);
    let outcome = Csr::assemble(&to_sign, &Signature::new(key.sign(to_sign.der())));
    assert!(matches!(outcome, Err(IssueError::Csr(_))), "{outcome:?}");
}

/// The type of what is assembled keeps them apart in the code, and the encoding at any other
/// reader of the signature.
#[test]
fn a_csr_cannot_be_passed_off_as_a_certificate_a_crl_or_a_self_test() {
    for kind in Kind::ALL {
        let key = Key::new(kind, 1);
        for request in [request(), plain()] {
            let to_sign = to_sign(&request, &key);
            assert!(CertReqInfo::from_der(to_sign.der()).is_ok());
            assert!(<TbsCertificate>::from_der(to_sign.der()).is_err());
            assert!(<TbsCertList>::from_der(to_sign.der()).is_err());
            let self_test = ToBeSigned::self_test(key.public(), key.algorithm());
            assert_ne!(to_sign.der()[0], self_test.der()[0]);
        }
    }
}

#[test]
fn a_certificate_cannot_be_passed_off_as_a_csr() {
    let ca = Ca::root(Kind::P256);
    let root = SelfSigned {
        uid: "issuer".to_owned(),
        subject: parse_subject(SUBJECT).unwrap(),
        duration: seconds(3600),
        path_length: None,
        trust_domain: None,
    };
    let root = root.to_be_signed(ca.key.public(), ca.key.algorithm(), NOW);
    for der in [ca.tbs(&leaf(60)).der(), root.unwrap().der()] {
        assert!(CertReqInfo::from_der(der).is_err());
    }
}
