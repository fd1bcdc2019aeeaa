use std::pin::pin;

use futures::FutureExt;
use kube::ResourceExt;
use serde_json::json;
use signet_core::ca::Purpose;
use signet_keys::BlockingQueue;

use super::super::generation::{NewObject, new, number_in_name, object_name, read};
use super::super::store::read_each;
use super::signing;
use crate::fixtures::{DAY, NOW, corp, key, mesh_ca, shop_ca};

#[tokio::test]
async fn stores_all_facts_of_a_generation() {
    let mut world = signing(100).await;
    let object = world.objects.remove(0);
    assert_eq!(object.name_any(), "clusterissuer-corp-1");
    assert_eq!(object.namespace().as_deref(), Some("signet-system"));
    assert!(
        object.owner_references().is_empty(),
        "it outlives its issuer"
    );
    let stored = read(&object, NOW).unwrap();
    let chain = stored.chain.unwrap();
    let now = NOW.to_string();
    let expected = json!({
        "issuerRef": { "kind": "ClusterIssuer", "name": "corp" },
        "generation": 1,
        "key": {
            "config": {
                "rsaHash": "SHA256",
                "software": { "secretName": "ca", "keyType": "ECDSAP256" },
            },
            "fingerprint": chain.issuing().public_key().fingerprint(),
        },
        "purpose": { "certificate": stored.facts.purpose.certificate },
        "preparedAt": now,
        "certificate": {
            "chain": chain.issuing().pem(),
            "trust": "Created",
            "fingerprint": hex::encode(chain.issuing().fingerprint()),
            "notBefore": chain.not_before().to_string(),
            "notAfter": chain.not_after().to_string(),
        },
        "publishedAt": now,
        "activatedAt": now,
        // The step of the default lifetime, 90 days.
        "longestLeafSeconds": 92 * DAY,
    });
    assert_eq!(json!(object.spec), expected);
}

/// What an alias led to when the CA was made is what it goes on with.
#[tokio::test]
async fn stores_the_pin_of_a_key() {
    let world = signing(100).await;
    let mut key = world.objects[0].spec.key.clone();
    key.pin = Some("3".to_owned());
    let object = NewObject {
        number: 2,
        key,
        purpose: Purpose::default(),
        trust_domain: Some("example.org".to_owned()),
        certificate: None,
        csr: None,
        prepared: NOW,
        lifetimes: Default::default(),
        signs: false,
        inherited: None,
    };
    let object = new(&corp(), "signet-system", object);
    let stored = read(&object, NOW).unwrap();
    assert_eq!(stored.pin().pin.as_deref(), Some("3"));
    assert_eq!(stored.trust_domain.as_deref(), Some("example.org"));
    assert_eq!(
        stored.facts.purpose.key_name,
        key::software("ca").backend().reference()
    );
}

/// Both kinds keep their generations in one namespace when that of an Issuer is the operator's.
#[test]
fn generations_of_both_kinds_have_different_names() {
    assert_eq!(object_name(&corp(), 1), "clusterissuer-corp-1");
    assert_eq!(object_name(&shop_ca(), 1), "issuer-ca-1");
    assert_eq!(object_name(&mesh_ca(), 1), "meshca-istio-1");
    assert_eq!(number_in_name(&shop_ca(), "issuer-ca-12"), Some(12));
    assert_eq!(number_in_name(&shop_ca(), "issuer-ca-x-12"), None);
}

/// The chains of one issuer can take half a second each to verify.
#[tokio::test]
async fn an_issuer_with_many_generations_does_not_stop_other_namespaces() {
    let world = signing(100).await;
    let queue = BlockingQueue::default();
    let objects = vec![world.objects[0].clone(); 32];
    let mut many = pin!(read_each(objects, "attacker", NOW, &queue));
    assert!((&mut many).now_or_never().is_none());
    tokio::select! {
        biased;
        _ = &mut many => panic!("all were read before another namespace's work"),
        of_victim = queue.run("victim", || ()) => of_victim.unwrap(),
    }
    assert_eq!(many.await.unwrap().len(), 32);
}
