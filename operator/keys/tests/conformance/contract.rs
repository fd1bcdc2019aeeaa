//! What holds for every key of every backend.

use std::sync::Arc;

use der::Encode;
use signet_core::issue::{Signature, ToBeSigned, assemble_root};
use signet_core::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use signet_keys::{Checked, ErrorClass, KeyError, KeyPin, RsaHash, Signer};
use tokio::task::JoinSet;

use crate::rig::{MAX_TIMEOUTS, Subject};
use crate::root::to_be_signed;
use crate::wiretap;
use signet_readers::{OpenSsl, verify_signature};

/// The public half is that of the key, each time.
pub(crate) async fn public_key(subject: Subject) {
    for _ in 0..2 {
        let signer = subject.connected().await.signer;
        let public_key = signer.public_key();
        assert_eq!(public_key.spki_der(), subject.spki_der);
        assert_eq!(public_key.algorithm(), subject.algorithm);
        let expected = SignatureAlgorithm::for_key(subject.algorithm);
        assert_eq!(signer.algorithm(), expected);
    }
}

pub(crate) async fn certificate(subject: Subject) {
    let openssl = root(&*subject.connected().await.signer).await;
    openssl.write(
        "public.pem",
        &openssl.run("x509 -in root.pem -noout -pubkey"),
    );
    let carried = openssl.run("pkey -pubin -in public.pem -outform DER");
    assert_eq!(carried, subject.spki_der);
}

pub(crate) async fn signature(subject: Subject) {
    let signer = subject.connected().await.signer;
    verifies_over_its_bytes_alone(&subject, &*signer).await;
}

/// ECDSA is SEQUENCE { r, s } in DER (RFC 5480, appendix A); OpenSSL's parser reads it.
pub(crate) async fn form(subject: Subject) {
    let signer = subject.connected().await.signer;
    let signature = sign(&*signer, &to_be_signed(&*signer, "a")).await;
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
            assert_eq!(integers.count(), 2, "{parsed}");
            assert_eq!(parsed.lines().count(), 3, "{parsed}");
        }
    }
}

pub(crate) async fn strict_root(subject: Subject) {
    root(&*subject.connected().await.signer).await;
}

pub(crate) async fn rsa_hashes(subject: Subject) {
    for (hash, algorithm) in [
        (RsaHash::Sha384, SignatureAlgorithm::RsaPkcs1Sha384),
        (RsaHash::Sha512, SignatureAlgorithm::RsaPkcs1Sha512),
    ] {
        let subject = subject.with_rsa_hash(hash);
        let signer = subject.connected().await.signer;
        assert_eq!(signer.public_key().spki_der(), subject.spki_der);
        assert_eq!(signer.algorithm(), algorithm);
        verifies_over_its_bytes_alone(&subject, &*signer).await;
        root(&*signer).await;
    }
}

/// A machine that is busy, and not signatures that were mixed up.
const TOO_BUSY: [ErrorClass; 2] = [ErrorClass::Unreachable, ErrorClass::Throttled(None)];

pub(crate) async fn fifty_at_once(subject: Subject) {
    let signer = subject.connected().await.signer;
    let mut signatures = JoinSet::new();
    for number in 0..50 {
        let signer = Arc::clone(&signer);
        signatures.spawn(async move {
            let tbs = to_be_signed(&*signer, &number.to_string());
            // A backend makes one attempt a call; on a busy machine some of them take too long.
            let signature = loop {
                match signer.sign(&tbs).await {
                    Err(KeyError { class, .. }) if TOO_BUSY.contains(&class) => {}
                    signed => break signed.unwrap(),
                }
            };
            let key = signer.public_key();
            key.verify(tbs.algorithm(), tbs.der(), signature.as_bytes())
                .is_ok()
        });
    }
    assert_eq!(signatures.join_all().await, [true; 50]);
}

/// A healthy key is the same at each look, or asks to be connected again and is then.
pub(crate) async fn looked_at_again(subject: Subject) {
    let connected = subject.connected().await;
    for _ in 0..2 {
        let checked = connected.signer.check().await.unwrap();
        wiretap::show(&checked);
        match checked {
            Checked::Unchanged { notices } => assert_eq!(notices, connected.notices),
            Checked::Reconnect => {
                let again = subject.connected().await;
                assert_eq!(again.signer.public_key().spki_der(), subject.spki_der);
                assert_eq!(again.notices, connected.notices);
            }
        }
    }
    verifies_over_its_bytes_alone(&subject, &*connected.signer).await;
}

pub(crate) async fn pinned(subject: Subject) {
    let first = subject.connected().await;
    let known = KeyPin {
        pin: first.pin.clone(),
        ..KeyPin::default()
    };
    let again = subject.connect_knowing(&known).await.unwrap();
    assert_eq!(again.pin, first.pin);
    assert_eq!(again.signer.public_key().spki_der(), subject.spki_der);
    verifies_over_its_bytes_alone(&subject, &*again.signer).await;
}

pub(crate) async fn debug(subject: Subject) {
    let connected = subject.connected().await;
    let signer = &connected.signer;
    let shown = format!("{signer:?} {signer:#?}");
    let fingerprint = signer.public_key().fingerprint();
    assert!(shown.contains(&fingerprint[..8]), "{shown}");
    // Private keys are long; the public half is shown in short.
    assert!(shown.len() < 4096, "{shown}");
    let (config, access) = (&subject.config, &subject.access);
    let all = format!("{shown} {connected:?} {connected:#?} {config:?} {access:?}");
    for secret in &subject.secrets {
        assert!(!wiretap::shows(&all, secret), "{all}");
    }
}

/// The product, a pure-Rust library and OpenSSL are of one mind about a signature: it is one over
/// its bytes, and none over others.
pub(crate) async fn verifies_over_its_bytes_alone(subject: &Subject, signer: &dyn Signer) {
    let tbs = to_be_signed(signer, "a");
    let other = to_be_signed(signer, "b");
    let signature = sign(signer, &tbs).await;
    let (key, algorithm, bytes) = (&subject.spki_der, signer.algorithm(), signature.as_bytes());
    let identifier = algorithm.identifier().to_der().unwrap();
    for (message, expected) in [(tbs.der(), true), (other.der(), false)] {
        let ours = signer.public_key().verify(algorithm, message, bytes);
        let pure_rust = verify_signature(key, &identifier, message, bytes);
        let openssl = OpenSsl::new().verifies(key, &identifier, message, bytes);
        let verdicts = [ours.is_ok(), pure_rust.is_ok(), openssl];
        assert_eq!(verdicts, [expected; 3], "{}", subject.name);
    }
}

/// Signs, and repeats a call that had no response.
async fn sign(signer: &dyn Signer, tbs: &ToBeSigned) -> Signature {
    let mut signed = signer.sign(tbs).await;
    for _ in 0..MAX_TIMEOUTS {
        match &signed {
            Err(error) if error.class == ErrorClass::Unreachable => {}
            _ => break,
        }
        signed = signer.sign(tbs).await;
    }
    signed.unwrap_or_else(|error| panic!("{signer:?}: {error}"))
}

/// A root by the key, which OpenSSL accepts, as `root.pem`.
async fn root(signer: &dyn Signer) -> OpenSsl {
    let tbs = to_be_signed(signer, "a");
    let signature = sign(signer, &tbs).await;
    let root = assemble_root(&tbs, &signature).unwrap();
    let openssl = OpenSsl::new();
    openssl.write("root.pem", root.pem().as_bytes());
    openssl.run(&format!(
        "verify -x509_strict -check_ss_sig -attime {} -CAfile root.pem root.pem",
        tbs.window().not_before.as_second() + 1
    ));
    openssl
}
