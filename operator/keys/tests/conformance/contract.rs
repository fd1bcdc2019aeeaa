//! What holds for every key of every backend.

use std::sync::Arc;

use signet_core::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use signet_core::chain::assemble_root;
use tokio::task::JoinSet;

use crate::backends::list;
use crate::openssl::OpenSsl;
use crate::pure_rust;
use crate::root::to_be_signed;

#[tokio::test]
async fn the_public_half_is_that_of_the_key_each_time() {
    for subject in list() {
        for signer in [subject.connect().await, subject.connect().await] {
            let public_key = signer.public_key();
            assert_eq!(public_key.spki_der(), subject.spki_der, "{}", subject.name);
            assert_eq!(
                public_key.algorithm(),
                subject.algorithm,
                "{}",
                subject.name
            );
            let expected = SignatureAlgorithm::for_key(subject.algorithm);
            assert_eq!(signer.algorithm(), expected, "{}", subject.name);
        }
    }
}

#[tokio::test]
async fn a_signature_verifies_everywhere_and_over_these_bytes_alone() {
    for subject in list() {
        let signer = subject.connect().await;
        let tbs = to_be_signed(&*signer, "a");
        let other = to_be_signed(&*signer, "b");
        let signature = signer.sign(&tbs).await.unwrap();
        let (key, algorithm) = (&subject.spki_der, signer.algorithm());
        let openssl = OpenSsl::new();
        for (message, expected) in [(tbs.der(), true), (other.der(), false)] {
            let bytes = signature.as_bytes();
            let ours = signer
                .public_key()
                .verify(algorithm, message, bytes)
                .is_ok();
            let pure_rust = pure_rust::verifies(key, algorithm, message, bytes);
            let openssl = openssl.verifies((subject.algorithm, key), algorithm, message, bytes);
            assert_eq!(
                [ours, pure_rust, openssl],
                [expected; 3],
                "{}: product, pure Rust, OpenSSL",
                subject.name
            );
        }
    }
}

/// ECDSA is SEQUENCE { r, s } in DER (RFC 5480, appendix A); OpenSSL's parser reads it.
#[tokio::test]
async fn a_signature_has_the_form_that_x509_carries() {
    for subject in list() {
        let signer = subject.connect().await;
        let signature = signer.sign(&to_be_signed(&*signer, "a")).await.unwrap();
        let bytes = signature.as_bytes();
        match subject.algorithm {
            KeyAlgorithm::Rsa { bits } => assert_eq!(bytes.len() * 8, bits as usize),
            KeyAlgorithm::Ed25519 => assert_eq!(bytes.len(), 64),
            _ => {
                let openssl = OpenSsl::new();
                openssl.write("signature", bytes);
                let parsed = openssl.run("asn1parse -inform DER -in signature");
                let parsed = String::from_utf8(parsed).unwrap();
                let integers = parsed.lines().filter(|line| line.contains("INTEGER"));
                assert_eq!(integers.count(), 2, "{}: {parsed}", subject.name);
                assert_eq!(parsed.lines().count(), 3, "{}: {parsed}", subject.name);
            }
        }
    }
}

#[tokio::test]
async fn openssl_accepts_a_root_that_the_key_signed() {
    for subject in list() {
        let signer = subject.connect().await;
        let tbs = to_be_signed(&*signer, "a");
        let signature = signer.sign(&tbs).await.unwrap();
        let root = assemble_root(&tbs, &signature)
            .unwrap_or_else(|error| panic!("{}: {error}", subject.name));
        let openssl = OpenSsl::new();
        openssl.write("root.pem", root.pem().as_bytes());
        openssl.run(&format!(
            "verify -x509_strict -check_ss_sig -attime {} -CAfile root.pem root.pem",
            tbs.window().not_before().as_second() + 1
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_signatures_at_once_each_belong_to_their_bytes() {
    for subject in list() {
        let signer = subject.connect().await;
        let mut signatures = JoinSet::new();
        for number in 0..50 {
            let signer = Arc::clone(&signer);
            signatures.spawn(async move {
                let tbs = to_be_signed(&*signer, &number.to_string());
                let signature = signer.sign(&tbs).await.unwrap();
                signer
                    .public_key()
                    .verify(tbs.algorithm(), tbs.der(), signature.as_bytes())
                    .is_ok()
            });
        }
        let verified = signatures.join_all().await;
        assert_eq!(verified, [true; 50], "{}", subject.name);
    }
}

#[tokio::test]
async fn debug_shows_nothing_of_the_key() {
    for subject in list() {
        let signer = subject.connect().await;
        let shown = format!("{signer:?} {signer:#?}");
        assert!(
            shown.contains(&signer.public_key().fingerprint()[..8]),
            "{shown}"
        );
        for line in subject.secret.lines().filter(|line| !line.starts_with('-')) {
            assert!(!shown.contains(line), "{}", subject.name);
        }
        // Private keys are long; the public half is shown in short.
        assert!(shown.len() < 512, "{}: {shown}", subject.name);
    }
}
