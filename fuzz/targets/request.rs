//! From a request to the bytes that a CA key signs, with an unsigned CSR.
#![no_main]

use jiff::SignedDuration;
use libfuzzer_sys::{Corpus, fuzz_target};
use signet_core::issue::{Authority, CaUrls, CertificateToSign};
use signet_core::policy::{Decision, Issuer, Kind, decide};
use signet_core::request::Request;
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_fuzz::ca::CAS;
use signet_fuzz::certificate::Unsigned;
use signet_fuzz::{NOW, message, request, rules};

fuzz_target!(|data: &[u8]| -> Corpus {
    match data.split_first_chunk::<{ request::HEADER }>() {
        None => Corpus::Reject,
        Some((header, csr)) => {
            run(header, csr);
            Corpus::Keep
        }
    }
});

fn run(header: &[u8; request::HEADER], csr: &[u8]) {
    let [.., which, n0, n1, when, _] = *header;
    let ca = &CAS[usize::from(which) % CAS.len()];
    let policy = request::policy(header, &ca.chain);
    let request = match Request::parse_unverified(request::raw(header, csr)) {
        Ok(request) => request,
        Err(denial) => return message::check(&denial.message),
    };
    let grant = match decide(&request, Issuer::Ready(&policy), rules::FACTS) {
        Decision::Grant(grant) => grant,
        Decision::Deny(denial) => return message::check(&denial.message),
        Decision::Wait(_) => panic!("a ready issuer decides"),
    };
    if policy.trust_domain.is_some() {
        assert!(request::is_service_account(header), "an identity is lent");
        let listed = policy.rules.iter().any(|rule| rule.allow.ca.is_some());
        assert!(grant.kind == Kind::Leaf || listed, "a CA for anyone");
    }
    // From about 22 years before to as long after.
    let away = i64::from(i16::from_be_bytes([n0, n1])) * 6 * 3600;
    let now = NOW + SignedDuration::from_secs(if when & 1 == 0 { 0 } else { away });
    let urls = CaUrls::default();
    let authority = Authority {
        chain: &ca.chain,
        algorithm: SignatureAlgorithm::for_key(ca.chain.issuing().public_key().algorithm()),
        urls: &urls,
    };
    let tbs = match CertificateToSign::from_grant(&grant, &authority, now) {
        Ok(tbs) => tbs,
        Err(error) => return message::check(&error.to_string()),
    };
    let unsigned = Unsigned {
        tbs: &tbs,
        grant: &grant,
        chain: &ca.chain,
        now,
        spiffe: policy.trust_domain.is_some(),
        namespace: policy.namespace.as_deref(),
    };
    unsigned.check();
    // Signing and verifying cost ten times the rest.
    if when >> 1 == 0 {
        unsigned.issue(ca);
    }
}
