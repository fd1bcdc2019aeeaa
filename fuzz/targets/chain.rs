//! The reader of CA chains: PEM text, certificates, or what certificates are signed over.
//!
//! The first byte chooses. Certificates come as records of a flag, a length of two bytes, and
//! DER; of what is to be signed, the flag is also the key that signs.
#![no_main]

use std::time::Duration;

use der::Decode;
use libfuzzer_sys::{Corpus, fuzz_target};
use signet_core::ca::offer::{Expectations, Offer, TrustedRoots, judge, read};
use signet_core::ca::{CaCertificate, CaChain};
use signet_core::spiffe::TrustDomain;
use signet_fuzz::{NOW, ca, message};
use x509_cert::Certificate;

/// More records than the reader takes certificates.
const MAX_RECORDS: usize = 40;
/// AlgorithmIdentifier of Ed25519 (RFC 8410).
const ED25519: [u8; 7] = [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((mode, rest)) = data.split_first() else {
        return Corpus::Reject;
    };
    let (tls_crt, ca_crt) = match mode & 3 {
        0 => text(rest),
        1 => files(rest, |_, der| der.to_vec()),
        _ => files(rest, |flag, tbs| {
            certificate(tbs, &ca::sign(flag >> 1, tbs))
        }),
    };
    match CaChain::from_pem(&tls_crt, ca_crt.as_deref(), NOW) {
        Ok(chain) => {
            check(&chain);
            check_offer(&chain, &tls_crt, ca_crt.as_deref());
        }
        Err(error) => message::check(&error.to_string()),
    }
    Corpus::Keep
});

/// The two files, with a zero byte between them.
fn text(data: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    match data.iter().position(|byte| *byte == 0) {
        None => (data.to_vec(), None),
        Some(middle) => (data[..middle].to_vec(), Some(data[middle + 1..].to_vec())),
    }
}

/// Two PEM files of the records; the lowest bit of the flag tells the file.
fn files(mut data: &[u8], make: impl Fn(u8, &[u8]) -> Vec<u8>) -> (Vec<u8>, Option<Vec<u8>>) {
    let (mut own, mut others) = (String::new(), String::new());
    for _ in 0..MAX_RECORDS {
        let Some(([flag, high, low], rest)) = data.split_first_chunk() else {
            break;
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (record, rest) = rest.split_at(length.min(rest.len()));
        let file = if flag & 1 == 0 { &mut own } else { &mut others };
        file.push_str(&pem(&make(*flag, record)));
        data = rest;
    }
    let others = (!others.is_empty()).then(|| others.into_bytes());
    (own.into_bytes(), others)
}

fn pem(der: &[u8]) -> String {
    der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, der).expect("it is short")
}

/// SEQUENCE { tbs, Ed25519, BIT STRING }.
fn certificate(tbs: &[u8], signature: &[u8]) -> Vec<u8> {
    let bits = [&[0x03, 0x41, 0x00], signature].concat();
    let content = [tbs, &ED25519, &bits].concat();
    let length = u16::try_from(content.len())
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    [&[0x30, 0x82], &length[..], &content].concat()
}

fn check(chain: &CaChain) {
    assert!(!chain.path().is_empty() && !chain.roots().is_empty());
    assert_eq!(chain.path().last(), chain.roots().first());
    assert!(
        chain
            .path()
            .windows(2)
            .all(|pair| pair[0].is_issued_by(&pair[1]))
    );
    let mut roots = chain.roots().iter();
    assert!(
        chain
            .path()
            .last()
            .is_some_and(CaCertificate::is_self_signed)
            || !roots.any(CaCertificate::is_self_signed),
        "roots that are there are reached"
    );
    assert!(chain.intermediates().all(|it| !it.is_self_signed()));
    for certificate in chain.path().iter().chain(chain.roots()) {
        check_one(certificate, chain);
    }
    let text = |list: &[CaCertificate]| list.iter().map(CaCertificate::pem).collect::<String>();
    let (own, others) = (text(chain.path()), text(chain.roots()));
    let again = CaChain::from_pem(own.as_bytes(), Some(others.as_bytes()), NOW);
    assert_eq!(
        again.as_ref(),
        Ok(chain),
        "written down it is the same chain"
    );
}

/// The same files as the response of a parent.
fn check_offer(chain: &CaChain, path: &[u8], roots: Option<&[u8]>) {
    let trust_domain = TrustDomain::parse("example.org").expect("it is one");
    let expected = Expectations {
        public_key: chain.issuing().public_key(),
        min_security_bits: 112,
        path_length: 0,
        min_lifetime: Duration::from_secs(3_600),
        trust_domain: Some(&trust_domain),
        trusted_roots: TrustedRoots::default(),
        allow_missing_root: true,
        is_requested: false,
    };
    let offered = read(&Offer { path, roots }, Some(expected.public_key), NOW);
    match offered.and_then(|chain| judge(chain, &expected, NOW)) {
        Ok(accepted) => {
            let chain = &accepted.chain;
            assert_eq!(chain.path().last(), chain.roots().first());
            assert!(chain.not_before() <= NOW && NOW < chain.not_after());
            for warning in accepted.warnings {
                check_line(&warning.to_string());
            }
        }
        Err(refusal) => check_line(&refusal.to_string()),
    }
}

/// A message with two subjects may be long, and is one line all the same.
fn check_line(message: &str) {
    assert!(!message.contains(char::is_control), "{message:?}");
}

fn check_one(certificate: &CaCertificate, chain: &CaChain) {
    assert_eq!(
        CaCertificate::from_der(certificate.der()).as_ref(),
        Ok(certificate)
    );
    message::check(certificate.subject());
    assert_ne!(certificate.subject_der(), [0x30, 0x00], "PKI-2");
    // Only read: old tools write a FALSE that DER leaves out, and verifiers take it.
    Certificate::from_der(certificate.der()).expect("x509-cert reads it");
    if chain.path().contains(certificate) {
        assert!(chain.not_before() >= certificate.not_before(), "PKI-6");
        assert!(chain.not_after() <= certificate.not_after(), "PKI-6");
        assert!(
            chain.path_length() <= certificate.path_length() || certificate.path_length().is_none()
        );
    }
}
