//! The keys of PodCertificateRequests (PCR-2, PCR-4), as OpenSSL makes them.

use super::openssl::{OpenSsl, P256};
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::no_name;
use crate::request::csr::{Csr, CsrError};
use crate::request::{BareKey, POD_KEY_TYPES, pod_key_type};
use crate::x509::public_key::PublicKey;

const UID: &str = "0e1f2a3b-1111-2222-3333-444455556666";
const RSA_3072: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"];
/// The keys of every type, in the order of [`POD_KEY_TYPES`].
const KEYS: [&[&str]; 6] = [
    RSA_3072,
    &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
    P256,
    &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    &["-algorithm", "ED25519"],
];

/// A key with a proof over the UID. Go's crypto/rsa signs with the longest salt by default.
fn bare_key(openssl: &OpenSsl, genpkey: &[&str], salt: &str) -> BareKey {
    openssl.key("key.pem", genpkey);
    let hash: &[&str] = match genpkey {
        [_, "ED25519"] => &[],
        [_, "RSA", ..] => &["-digest", "sha256", "-pkeyopt", "rsa_padding_mode:pss"],
        _ => &["-digest", "sha256"],
    };
    let salt = format!("rsa_pss_saltlen:{salt}");
    let options: &[&str] = match genpkey {
        [_, "RSA", ..] => &["-pkeyopt", &salt],
        _ => &[],
    };
    BareKey {
        spki: openssl.public_key("key.pem"),
        proof: openssl.sign("key.pem", UID.as_bytes(), &[hash, options].concat()),
    }
}

#[test]
fn pcr_4_a_stub_of_every_key_type_is_accepted() {
    let openssl = OpenSsl::new();
    for (genpkey, key_type) in KEYS.into_iter().zip(POD_KEY_TYPES) {
        openssl.key("key.pem", genpkey);
        let der = openssl.csr("key.pem", &["-subj", "/", "-outform", "DER"]);
        let csr = Csr::from_stub(&der).unwrap();
        assert_eq!(pod_key_type(csr.public_key.algorithm()), Some(key_type));
    }
}

#[test]
fn pcr_2_a_bare_key_of_every_type_with_its_proof_is_accepted() {
    let openssl = OpenSsl::new();
    for (genpkey, key_type) in KEYS.into_iter().zip(POD_KEY_TYPES) {
        let key = bare_key(&openssl, genpkey, "max");
        let csr = Csr::from_bare_key(&key, UID).unwrap();
        assert_eq!(csr.public_key.spki_der(), key.spki);
        assert_eq!(pod_key_type(csr.public_key.algorithm()), Some(key_type));
        assert!(csr.subject.is_empty && csr.extensions.subject_alt_names.is_none());
    }
}

#[test]
fn pcr_2_a_proof_by_rsa_pss_has_a_salt_of_any_length() {
    let openssl = OpenSsl::new();
    for salt in ["0", "1", "digest", "64", "max"] {
        let key = bare_key(&openssl, RSA_3072, salt);
        assert!(Csr::from_bare_key(&key, UID).is_ok(), "{salt}");
    }
}

/// A modulus whose length is not a multiple of eight bits leaves other bits of the message unused.
#[test]
fn rsa_pss_verifies_under_moduli_of_odd_lengths() {
    let openssl = OpenSsl::new();
    for bits in 2049..=2056 {
        let bits = format!("rsa_keygen_bits:{bits}");
        let key = bare_key(&openssl, &["-algorithm", "RSA", "-pkeyopt", &bits], "max");
        let public = PublicKey::from_spki_der(&key.spki).unwrap();
        let verify = |message: &str| public.verify_pss_any_salt(message.as_bytes(), &key.proof);
        assert!(verify(UID).is_ok(), "{bits}");
        assert!(verify("another").is_err(), "{bits}");
    }
}

#[test]
fn a_proof_that_is_changed_or_for_another_pod_is_refused() {
    let openssl = OpenSsl::new();
    for genpkey in KEYS {
        let key = bare_key(&openssl, genpkey, "max");
        let refused = |key: &BareKey, uid: &str| {
            let outcome = Csr::from_bare_key(key, uid).map(|_| ());
            assert_eq!(outcome, Err(CsrError::BareKeyProof), "{genpkey:?}");
        };
        refused(&key, "another-pod");
        refused(&key, "");
        let with = |proof: Vec<u8>| BareKey {
            proof,
            ..key.clone()
        };
        for at in [0, key.proof.len() / 2, key.proof.len() - 1] {
            let mut proof = key.proof.clone();
            proof[at] ^= 1;
            refused(&with(proof), UID);
        }
        refused(&with(Vec::new()), UID);
        refused(&with(vec![0; key.proof.len()]), UID);
        refused(&with(vec![0xff; key.proof.len()]), UID);
        refused(&with([&key.proof[..], &[0]].concat()), UID);
        refused(&with([&[0], &key.proof[..]].concat()), UID);
        refused(&with(key.proof[1..].to_vec()), UID);
    }
}

/// PKCS#1 v1.5 with another encoding of the same key is not RSA-PSS.
#[test]
fn a_proof_in_another_scheme_is_refused() {
    let openssl = OpenSsl::new();
    for (genpkey, options) in [
        (RSA_3072, &["-digest", "sha256"][..]),
        (P256, &["-digest", "sha384"]),
    ] {
        openssl.key("key.pem", genpkey);
        let key = BareKey {
            spki: openssl.public_key("key.pem"),
            proof: openssl.sign("key.pem", UID.as_bytes(), options),
        };
        let error = Csr::from_bare_key(&key, UID).unwrap_err();
        assert_eq!(error, CsrError::BareKeyProof);
    }
}

#[test]
fn bytes_that_are_no_key_are_refused() {
    let key = |spki: &[u8]| BareKey {
        spki: spki.to_vec(),
        proof: vec![1; 64],
    };
    for spki in [&[][..], &[0x30, 0x00], b"-----BEGIN PUBLIC KEY-----"] {
        assert!(matches!(
            Csr::from_bare_key(&key(spki), UID),
            Err(CsrError::Key(_))
        ));
    }
    let large = key(&vec![0; super::super::MAX_SIZE + 1]);
    assert!(matches!(
        Csr::from_bare_key(&large, UID),
        Err(CsrError::TooLarge(_))
    ));
}

/// The API server leaves the contents of a stub to signers.
#[test]
fn names_smuggled_into_a_stub_are_refused() {
    let empty = CsrParts::names(&[]).and_subject(no_name());
    assert!(Csr::from_stub(&empty.der()).is_ok());
    let named = CsrParts::default().and_subject(no_name());
    let requests_ca = empty.clone().and("2.5.29.19", &[0x30, 0x03, 1, 1, 0xff]);
    for (csr, part) in [
        (CsrParts::names(&[]), "a subject"),
        (named, "attributes or extensions"),
        (requests_ca, "attributes or extensions"),
    ] {
        let error = Csr::from_stub(&csr.der()).unwrap_err();
        assert_eq!(error, CsrError::NotStub(part));
    }
    let openssl = OpenSsl::new();
    openssl.key("key.pem", P256);
    let pem = openssl.csr("key.pem", &["-subj", "/"]);
    assert!(
        matches!(Csr::from_stub(&pem), Err(CsrError::Malformed { .. })),
        "PEM"
    );
}
