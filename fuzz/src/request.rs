//! A request and an issuer's rules, from the first bytes of an input.

use std::time::Duration;

use signet_core::ca::CaChain;
use signet_core::policy::{CaProfile, IssuerPolicy, LifetimeLimits, Shortening};
use signet_core::request::{
    Annotated, Api, Approval, RawRequest, Reference, Requester, ServiceAccount,
};
use signet_core::spiffe::TrustDomain;

use crate::rules;

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
pub fn raw(header: &[u8; HEADER], csr: &[u8]) -> RawRequest {
    let [flags, who, u0, u1, u2, turn, d0, d1, d2, d3, .., annotated] = *header;
    let bit = |number: u8| flags & (1 << number) != 0;
    let certificate_request = !bit(0);
    let namespace = if bit(1) { "other" } else { "shop" };
    RawRequest {
        uid: format!("uid-{who}"),
        api: if certificate_request {
            Api::CertificateRequest
        } else {
            Api::CertificateSigningRequest
        },
        namespace: certificate_request.then(|| namespace.to_owned()),
        approval: match flags >> 6 {
            3 => Approval::Denied,
            _ => Approval::Approved,
        },
        requester: requester(who).into(),
        reference: if bit(3) {
            Reference::Denied {
                namespace: "shop".to_owned(),
                name: "ca".to_owned(),
            }
        } else {
            Reference::Allowed
        },
        certificate: bit(4).then(|| "tls".to_owned()),
        pod: None,
        csr: csr.to_vec(),
        usages: usages(u32::from_be_bytes([0, u0, u1, u2]), turn),
        duration: match u32::from_be_bytes([d0, d1, d2, d3]) {
            u32::MAX => Err("the duration cannot be read".to_owned()),
            0xffff_fffe => Ok(Some(Duration::MAX)),
            0xffff_fffd => Ok(None),
            seconds => Ok(Some(Duration::from_secs(seconds.into()))),
        },
        ca: bit(5),
        annotated: Annotated {
            duration: annotated & 1 != 0,
            ca: annotated & 2 != 0,
        },
    }
}

/// A user, with what the API server gives to a ServiceAccount unless higher bits take it away.
fn requester(who: u8) -> Requester {
    let username = USERNAMES[usize::from(who) % USERNAMES.len()].to_owned();
    let namespace = username.split(':').nth(2).unwrap_or_default();
    let of_namespace = format!("system:serviceaccounts:{namespace}");
    let (uid, groups, extra) = match who >> 3 & 3 {
        0 => (
            "uid",
            vec!["system:serviceaccounts".to_owned(), of_namespace],
            None,
        ),
        1 => (
            "",
            vec!["system:serviceaccounts".to_owned(), of_namespace],
            None,
        ),
        2 => ("uid", vec!["system:masters".to_owned()], None),
        _ => (
            "uid",
            vec!["system:serviceaccounts".to_owned(), of_namespace],
            Some(vec!["X509SHA256=00".to_owned()]),
        ),
    };
    let credential = "authentication.kubernetes.io/credential-id".to_owned();
    Requester {
        username,
        uid: uid.to_owned(),
        groups,
        extra: extra
            .into_iter()
            .map(|it| (credential.clone(), it))
            .collect(),
    }
}

/// Whether the requester of this header is a ServiceAccount that logged in as one.
pub fn is_service_account(header: &[u8; HEADER]) -> bool {
    let who = header[1];
    let username = USERNAMES[usize::from(who) % USERNAMES.len()];
    who >> 3 & 3 == 0 && username.starts_with("system:serviceaccount:")
}

/// The policy of an issuer over this CA.
pub fn policy(header: &[u8; HEADER], chain: &CaChain) -> IssuerPolicy {
    let flags = header[10];
    let bit = |number: u8| flags & (1 << number) != 0;
    IssuerPolicy {
        namespace: bit(0).then(|| "shop".to_owned()),
        reserved_namespaces: ["signet-system".to_owned()].into(),
        limits: chain.limits(),
        ca_subjects: chain.subjects().collect(),
        lifetimes: LifetimeLimits {
            shortening: Shortening::AtLeast(Duration::ZERO),
            ..LifetimeLimits::default()
        },
        cert_manager: account("cert-manager", "cert-manager"),
        ca: bit(2).then(|| CaProfile {
            path_length: flags >> 5,
        }),
        trust_domain: bit(1).then(|| TrustDomain::parse(TRUST_DOMAIN).expect("it is one")),
        rules: rules::rules(bit(1), bit(3), bit(4)),
    }
}

pub(crate) fn account(namespace: &str, name: &str) -> ServiceAccount {
    ServiceAccount {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
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
