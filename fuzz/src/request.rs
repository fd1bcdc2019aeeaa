//! A request and an issuer's rules, from the first bytes of an input.

use std::time::Duration;

use signet_core::ca::CaChain;
use signet_core::policy::{CaProfile, Rules, SpiffeRules};
use signet_core::request::{Api, Approval, Asked, Requester, ServiceAccount};
use signet_core::spiffe::TrustDomain;

/// How many bytes decide on everything but the CSR. They come first and are always there, so
/// that a mutation of the CSR does not move them.
pub const HEADER: usize = 16;

/// The trust domain of the rules that have one.
pub const TRUST_DOMAIN: &str = "example.org";

/// Who asks.
const USERNAMES: [&str; 8] = [
    "system:serviceaccount:shop:web",
    "system:serviceaccount:cert-manager:cert-manager",
    "system:serviceaccount:other:web",
    "system:serviceaccount:shop:web.v1",
    "system:serviceaccount:shop:..",
    "system:serviceaccount:istio-system:istiod",
    "alice@example.org",
    "system:node:worker-1",
];

/// Every usage by the name that cert-manager has for it, and one that there is not.
const USAGES: [&str; 24] = [
    "digital signature",
    "key encipherment",
    "server auth",
    "client auth",
    "cert sign",
    "crl sign",
    "ocsp signing",
    "signing",
    "content commitment",
    "data encipherment",
    "key agreement",
    "encipher only",
    "decipher only",
    "any",
    "code signing",
    "email protection",
    "s/mime",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "timestamping",
    "microsoft sgc",
    "netscape sgc",
    "time travel",
];

/// The request around a CSR in DER.
pub fn raw(header: &[u8; HEADER], csr: &[u8]) -> Asked {
    let [flags, who, u0, u1, u2, turn, d0, d1, d2, d3, ..] = *header;
    let bit = |number: u8| flags & (1 << number) != 0;
    let certificate_request = !bit(0);
    let namespace = if bit(1) { "other" } else { "shop" };
    Asked {
        uid: format!("uid-{who}"),
        api: if certificate_request {
            Api::CertificateRequest
        } else {
            Api::CertificateSigningRequest
        },
        namespace: certificate_request.then(|| namespace.to_owned()),
        approval: match flags >> 6 {
            3 => Approval::Denied,
            2 => Approval::Pending,
            _ => Approval::Approved,
        },
        requester: Requester {
            username: USERNAMES[usize::from(who) % USERNAMES.len()].to_owned(),
            groups: Vec::new(),
        },
        may_reference: !bit(3),
        certificate: bit(4).then(|| "tls".to_owned()),
        csr: csr.to_vec(),
        usages: usages(u32::from_be_bytes([0, u0, u1, u2]), turn),
        duration: match u32::from_be_bytes([d0, d1, d2, d3]) {
            u32::MAX => Err("the duration cannot be read".to_owned()),
            0xffff_fffe => Ok(Duration::MAX),
            seconds => Ok(Duration::from_secs(seconds.into())),
        },
        ca: bit(5),
    }
}

/// The rules of an issuer over this CA.
pub fn rules(header: &[u8; HEADER], chain: &CaChain) -> Rules {
    let flags = header[10];
    let bit = |number: u8| flags & (1 << number) != 0;
    Rules {
        namespace: bit(0).then(|| "shop".to_owned()),
        path_length: chain.path_length(),
        ca_subjects: chain.subjects().collect(),
        ca: bit(2).then_some(CaProfile {
            path_length: flags >> 5,
        }),
        spiffe: bit(1).then(|| SpiffeRules {
            trust_domain: TrustDomain::parse(TRUST_DOMAIN).expect("it is one"),
            cert_manager: ServiceAccount {
                namespace: "cert-manager".to_owned(),
                name: "cert-manager".to_owned(),
            },
        }),
    }
}

/// The usages whose bits are set, in order, beginning with one of them.
fn usages(bits: u32, turn: u8) -> Vec<String> {
    let named = USAGES.iter().enumerate();
    let named = named.filter(|(place, _)| bits & (1 << place) != 0);
    let mut usages: Vec<_> = named.map(|(_, name)| (*name).to_owned()).collect();
    if !usages.is_empty() {
        let by = usize::from(turn) % usages.len();
        usages.rotate_left(by);
    }
    usages
}
