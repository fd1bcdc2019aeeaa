//! CAs over fixed keys, made by rcgen.

use std::sync::LazyLock;

use aws_lc_rs::signature::Ed25519KeyPair;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use signet_core::ca::CaChain;

use crate::NOW;

/// PrivateKeyInfo of an Ed25519 key (RFC 8410 section 7), up to the 32 bytes of the key.
const ED25519_PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A CA that can sign.
pub struct Ca {
    /// The issuing CA first.
    pub chain: CaChain,
    key: u8,
}

impl Ca {
    /// Signs with the key of the issuing CA.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        sign(self.key, message)
    }
}

/// Every CA.
pub static CAS: LazyLock<Vec<Ca>> = LazyLock::new(|| {
    let unlimited = Parts::new("root", 1, None, (2027, 6, 1));
    let short = Parts::new("short", 2, Some(1), (2026, 9, 2));
    let top = Parts::new("top", 3, Some(3), (2027, 6, 1));
    let middle = Parts::new("middle", 4, Some(2), (2027, 3, 1));
    let low = Parts::new("low", 5, Some(1), (2026, 12, 1));
    let last = Parts::new("last", 6, Some(0), (2026, 10, 1));
    vec![
        ca(&[&unlimited]),
        ca(&[&short]),
        ca(&[&low, &middle, &top]),
        ca(&[&last, &unlimited]),
    ]
});

/// Signs with one of 256 fixed keys.
pub fn sign(key: u8, message: &[u8]) -> Vec<u8> {
    static KEYS: LazyLock<Vec<Ed25519KeyPair>> = LazyLock::new(|| {
        let key = |seed| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8(seed));
        (0..=u8::MAX)
            .map(|seed| key(seed).expect("a seed is a key"))
            .collect()
    });
    KEYS[usize::from(key)].sign(message).as_ref().to_vec()
}

struct Parts {
    params: CertificateParams,
    key: u8,
}

impl Parts {
    /// Valid from a month before the time of the targets until this day.
    fn new(
        name: &str,
        key: u8,
        path_length: Option<u8>,
        (year, month, day): (i32, u8, u8),
    ) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let limit = path_length.map_or(
            BasicConstraints::Unconstrained,
            BasicConstraints::Constrained,
        );
        params.is_ca = IsCa::Ca(limit);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2026, 8, 1);
        params.not_after = date_time_ymd(year, month, day);
        Self { params, key }
    }
}

/// The chain of these, the issuing CA first.
fn ca(path: &[&Parts]) -> Ca {
    let mut pem = String::new();
    for (place, parts) in path.iter().enumerate() {
        let own = key_pair(parts.key);
        let certificate = match path.get(place + 1) {
            None => parts.params.self_signed(&own),
            Some(issuer) => {
                let key = key_pair(issuer.key);
                let issuer = Issuer::from_params(&issuer.params, &key);
                parts.params.signed_by(&own, &issuer)
            }
        };
        pem += &certificate.expect("rcgen makes the certificate").pem();
    }
    Ca {
        chain: CaChain::from_pem(pem.as_bytes(), None, NOW).expect("the chain is read"),
        key: path[0].key,
    }
}

fn key_pair(seed: u8) -> KeyPair {
    let der = pkcs8(seed);
    KeyPair::try_from(&PrivatePkcs8KeyDer::from(&der[..])).expect("a seed is a key")
}

fn pkcs8(seed: u8) -> Vec<u8> {
    [&ED25519_PKCS8[..], &[seed; 32]].concat()
}
