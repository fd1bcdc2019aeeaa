use std::pin::pin;

use futures::FutureExt;
use kube::ResourceExt;
use serde_json::json;
use signet_keys::{BlockingQueue, KeyType};

use super::super::facts::Facts;
use super::super::generation::{read, read_each};
use super::{self_signed, written};
use crate::fixtures::{ca, key, shop_ca};

#[test]
fn stores_all_facts_of_a_generation() {
    let signer = key::signer(KeyType::EcdsaP256);
    let chain = ca::valid(&*signer, "Root");
    let facts = self_signed(&signer);
    let object = written(&facts, &chain, 3);
    assert_eq!(object.name_any(), "clusterissuer-corp-3");
    assert_eq!(object.namespace().as_deref(), Some("signet-system"));
    assert!(
        object.owner_references().is_empty(),
        "it outlives its issuer"
    );
    let root = chain.issuing();
    assert_eq!(
        json!(object.spec),
        json!({
            "issuerRef": { "kind": "ClusterIssuer", "name": "corp" },
            "generation": 3,
            "key": {
                "config": {
                    "rsaHash": "SHA256",
                    "software": { "secretName": "ca", "keyType": "ECDSAP256" },
                },
                "fingerprint": signer.public_key().fingerprint(),
            },
            "certificateChain": root.pem(),
            "roots": root.pem(),
            "notBefore": chain.not_before().to_string(),
            "notAfter": chain.not_after().to_string(),
        })
    );
    let read = read(&object, facts.now);
    assert_eq!(read.name, "clusterissuer-corp-3");
    assert_eq!((read.number, &read.key.config), (3, &facts.spec.key));
    assert_eq!(read.key.fingerprint, signer.public_key().fingerprint());
    assert_eq!(read.chain, Ok(chain));
}

/// What an alias led to when the CA was made is what it goes on with.
#[test]
fn stores_the_pin_of_a_key() {
    let signer = key::signer(KeyType::EcdsaP256);
    let mut facts = self_signed(&signer);
    let mut found = key::found(&signer);
    found.pin = Some("3".to_owned());
    facts.key = Ok(found);
    let object = written(&facts, &ca::valid(&*signer, "Root"), 1);
    assert_eq!(read(&object, facts.now).key.pin.as_deref(), Some("3"));
}

/// Both kinds keep their generations in one namespace when that of an Issuer is the operator's.
#[test]
fn generations_of_both_kinds_have_different_names() {
    let signer = key::signer(KeyType::EcdsaP256);
    let chain = ca::valid(&*signer, "Root");
    let mut facts = self_signed(&signer);
    let name = |facts: &Facts| written(facts, &chain, 1).name_any();
    assert_eq!(name(&facts), "clusterissuer-corp-1");
    facts.name = shop_ca();
    assert_eq!(name(&facts), "issuer-ca-1");
}

/// The chains of one issuer can take half a second each to verify.
#[tokio::test]
async fn an_issuer_with_many_generations_does_not_stop_other_namespaces() {
    let signer = key::signer(KeyType::EcdsaP256);
    let (facts, chain) = (self_signed(&signer), ca::valid(&*signer, "Root"));
    let objects = (1..=32).rev().map(|number| written(&facts, &chain, number));
    let queue = BlockingQueue::default();
    let mut many = pin!(read_each(objects.collect(), "attacker", facts.now, &queue));
    assert!((&mut many).now_or_never().is_none());
    tokio::select! {
        biased;
        _ = &mut many => panic!("all were read before another namespace's work"),
        of_victim = queue.run("victim", || ()) => of_victim.unwrap(),
    }
    let numbers: Vec<_> = many.await.unwrap().iter().map(|it| it.number).collect();
    assert_eq!(numbers, (1..=32).collect::<Vec<_>>());
}
