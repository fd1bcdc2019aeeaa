use std::sync::Arc;
use std::time::Duration;

use signet_core::ca::CaChain;
use signet_core::policy::{CaProfile, default_rules};
use signet_core::reason::Reason;
use signet_core::request::RawRequest;
use signet_core::spiffe::TrustDomain;
use signet_keys::KeyType;

use super::{Outcome, asked, outcome_now, ready};
use crate::fixtures::{DAY, HOUR, NOW, at, ca, csr, key, service_account, verify};
use crate::keyring::IssuerLookup;
use crate::requests::outcome::{Certificate, Shortened};

const KEY_TYPES: [KeyType; 7] = [
    KeyType::EcdsaP256,
    KeyType::EcdsaP384,
    KeyType::EcdsaP521,
    KeyType::Rsa2048,
    KeyType::Rsa3072,
    KeyType::Rsa4096,
    KeyType::Ed25519,
];

async fn issued(asked: RawRequest, issuer: &IssuerLookup) -> Certificate {
    match outcome_now(asked, issuer).await {
        Outcome::Issued(certificate) => certificate,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn openssl_accepts_what_every_type_of_ca_key_signs() {
    for key_type in KEY_TYPES {
        let signer = key::signer(key_type);
        let chain = ca::valid(&*signer, "Root");
        let outcome = outcome_now(asked(), &ready(signer, chain)).await;
        let Outcome::Issued(certificate) = &outcome else {
            panic!("{key_type:?}: {outcome:?}");
        };
        verify(&certificate.chain, &certificate.bundle, NOW);
        assert_eq!(outcome.labels(), ("issued", Reason::Issued));
        assert!(!outcome.wants_retry());
    }
}

#[tokio::test]
async fn a2_13_the_chain_has_the_intermediates_and_not_the_root() {
    let root = ca::Ca::root("Root");
    let intermediate = root.issue("Intermediate");
    let issuing = intermediate.issue("Issuing");
    let tls_crt = [issuing.pem.as_str(), &intermediate.pem].concat();
    let chain = CaChain::from_pem(tls_crt.as_bytes(), Some(root.pem.as_bytes()), NOW).unwrap();
    let certificate = issued(asked(), &ready(issuing.signer(), chain.clone())).await;
    let (issued, bundle) = (certificate.chain, certificate.bundle);
    let above: String = chain.path()[..2].iter().map(|one| one.pem()).collect();
    assert!(issued.ends_with(&above), "{issued}");
    assert_eq!(issued.matches("BEGIN CERTIFICATE").count(), 3);
    assert_eq!(bundle, chain.roots()[0].pem());
    verify(&issued, &bundle, NOW);
}

#[tokio::test]
async fn pki_6_a_leaf_ends_with_its_ca_and_says_so() {
    let signer = key::signer(KeyType::EcdsaP256);
    let chain = ca::root(&*signer, "Root", at(-DAY), DAY + 2 * HOUR);
    let end = chain.not_after();
    let mut asked = asked();
    asked.duration = Ok(Some(Duration::from_secs(86_400)));
    let certificate = issued(asked, &ready(signer, chain)).await;
    assert_eq!(certificate.shortened, Some(Shortened::ByCa(end)));
    assert_eq!(
        certificate.message(),
        format!("Certificate issued; lifetime shortened to {end}, when the CA expires")
    );
}

#[tokio::test]
async fn a_lifetime_above_the_maximum_is_shortened_and_the_message_says_so() {
    for (ca, field) in [
        (false, "the issuer's spec.profile.maxDuration"),
        (true, "the issuer's spec.profile.ca.maxDuration"),
    ] {
        let signer = key::signer(KeyType::EcdsaP256);
        let chain = ca::valid(&*signer, "Root");
        let IssuerLookup::Ready(mut loaded) = ready(signer, chain) else {
            unreachable!("it was made ready");
        };
        let policy = &mut Arc::get_mut(&mut loaded).unwrap().policy;
        policy.lifetimes.max_leaf = (!ca).then_some(Duration::from_secs(5400));
        policy.lifetimes.max_ca = ca.then_some(Duration::from_secs(5400));
        policy.ca = Some(CaProfile { path_length: 0 });
        let lookup = IssuerLookup::Ready(loaded);
        for (requested, suffix) in [
            (5400, String::new()),
            (5401, format!("; lifetime shortened to 1h30m, {field}")),
        ] {
            let mut asked = asked();
            (asked.ca, asked.duration) = (ca, Ok(Some(Duration::from_secs(requested))));
            let message = issued(asked, &lookup).await.message();
            assert_eq!(message, format!("Certificate issued{suffix}"));
        }
    }
}

#[tokio::test]
async fn the_spiffe_id_that_signet_wrote_is_told() {
    let signer = key::signer(KeyType::EcdsaP256);
    let chain = ca::valid(&*signer, "Root");
    let IssuerLookup::Ready(mut loaded) = ready(signer, chain) else {
        unreachable!("it was made ready");
    };
    let policy = &mut Arc::get_mut(&mut loaded).unwrap().policy;
    policy.trust_domain = Some(TrustDomain::parse("example.org").unwrap());
    policy.rules = default_rules(true);
    let mut asked = asked();
    asked.requester = service_account("shop", "web").into();
    asked.csr = csr::pem("", &[]);
    asked.duration = Ok(Some(Duration::from_secs(20)));
    let certificate = issued(asked, &IssuerLookup::Ready(loaded)).await;
    assert_eq!(certificate.shortened, None);
    assert_eq!(
        certificate.message(),
        "Certificate issued with SPIFFE ID spiffe://example.org/ns/shop/sa/web"
    );
}

/// RFC 8813: the key of the request is on P-256.
#[tokio::test]
async fn usages_that_do_not_fit_the_key_are_reported() {
    for (usages, expected) in [
        (
            &["digital signature", "data encipherment", "key encipherment"][..],
            "Certificate issued; dropped usages that do not fit the certificate: \
             key encipherment, data encipherment",
        ),
        (
            &["digital signature", "key agreement"],
            "Certificate issued",
        ),
        // The API's default usages, written out or not.
        (
            &["digital signature", "key encipherment"],
            "Certificate issued",
        ),
        (&[], "Certificate issued"),
    ] {
        let signer = key::signer(KeyType::EcdsaP256);
        let chain = ca::valid(&*signer, "Root");
        let mut asked = asked();
        asked.usages = usages.iter().map(|&usage| usage.to_owned()).collect();
        let certificate = issued(asked, &ready(signer, chain)).await;
        assert_eq!(certificate.message(), expected, "{usages:?}");
    }
}
