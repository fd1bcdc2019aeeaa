use std::time::Duration;

use signet_api::{
    AllowedRequesters, CaProfile, Profile, RequesterCertificates, RequesterServiceAccount,
    SpiffeSpec,
};
use signet_core::ca::CaChain;
use signet_core::issue::{CaUrls, SelfSigned, assemble_root};
use signet_core::policy::{self, LifetimeLimits, Rules, Shortening};
use signet_core::request::ServiceAccount;
use signet_keys::{KeyType, Signer};

use super::super::facts::Facts;
use super::{adopt, ready, self_signed};
use crate::fixtures::{NOW, ca, key, shop_ca};

fn facts() -> Facts {
    let signer = key::signer(KeyType::EcdsaP256);
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &ca::valid(&*signer, "Root"), 1);
    facts
}

#[test]
fn rules_of_a_plain_cluster_issuer_are_those_of_its_ca() {
    let facts = facts();
    let ready = ready(&facts);
    let expected = Rules {
        namespace: None,
        cert_manager: facts.cert_manager.clone(),
        path_length: None,
        ca_subjects: ready.chain.subjects().collect(),
        lifetimes: LifetimeLimits {
            max_leaf: None,
            max_ca: None,
            shortening: Shortening::AtLeast(Duration::from_secs(3600)),
        },
        ca: None,
        trust_domain: None,
    };
    assert_eq!(ready.rules, expected);
    assert_eq!(ready.urls, CaUrls::default());
}

/// An Issuer speaks only for its own namespace.
#[test]
fn rules_of_an_issuer_have_its_namespace() {
    let mut facts = facts();
    facts.name = shop_ca();
    assert_eq!(ready(&facts).rules.namespace.as_deref(), Some("shop"));
}

#[test]
fn profile_and_trust_domain_become_rules() {
    let mut facts = facts();
    facts.spec.profile = Some(Profile::default());
    assert_eq!(
        ready(&facts).rules.ca,
        None,
        "CA requests are refused by default"
    );
    facts.spec.profile = Some(Profile {
        ca: Some(CaProfile {
            max_duration: None,
            path_length: 2,
            allowed_requesters: Some(AllowedRequesters {
                service_accounts: vec![RequesterServiceAccount {
                    namespace: "spire".to_owned(),
                    name: "server".to_owned(),
                }],
                certificates: Some(RequesterCertificates {
                    namespaces: vec!["mesh".to_owned()],
                }),
            }),
        }),
        ..Profile::default()
    });
    facts.spec.spiffe = Some(SpiffeSpec {
        trust_domain: "example.org".to_owned(),
    });
    let rules = ready(&facts).rules;
    let expected = policy::CaProfile {
        path_length: 2,
        allowed_requesters: Some(policy::AllowedRequesters {
            service_accounts: vec![ServiceAccount {
                namespace: "spire".to_owned(),
                name: "server".to_owned(),
            }],
            certificate_namespaces: vec!["mesh".to_owned()],
        }),
    };
    assert_eq!(rules.ca, Some(expected));
    let trust_domain = rules.trust_domain.unwrap();
    assert_eq!(trust_domain.id().to_string(), "spiffe://example.org");
}

/// A CA stays trusted until it expires, and so its name stays taken.
#[test]
fn rules_have_the_subjects_of_every_generation() {
    let signer = key::signer(KeyType::EcdsaP256);
    let mut facts = self_signed(&signer);
    let earlier = ca::valid(&*signer, "Earlier");
    adopt(&mut facts, &earlier, 1);
    adopt(&mut facts, &ca::valid(&*signer, "Later"), 2);
    let rules = ready(&facts).rules;
    for ca in [&earlier, &ready(&facts).chain] {
        assert!(rules.ca_subjects.matches(ca.issuing().subject_der()));
    }
}

/// PKI-7: what the CA's own chain allows.
#[test]
fn the_path_length_is_that_of_the_chain() {
    let signer = key::signer(KeyType::EcdsaP256);
    let root = SelfSigned {
        uid: "uid".to_owned(),
        subject: "CN=Root".parse().unwrap(),
        duration: Duration::from_secs(3600),
        path_length: Some(1),
        trust_domain: None,
    };
    let chain = signed(&root, &*signer);
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &chain, 1);
    assert_eq!(ready(&facts).rules.path_length, Some(1));
}

fn signed(root: &SelfSigned, signer: &dyn Signer) -> CaChain {
    use futures::FutureExt;
    let tbs = root
        .to_be_signed(signer.public_key(), signer.algorithm(), NOW)
        .unwrap();
    let signature = signer.sign(&tbs).now_or_never().unwrap().unwrap();
    CaChain::from_root(assemble_root(&tbs, &signature).unwrap())
}
