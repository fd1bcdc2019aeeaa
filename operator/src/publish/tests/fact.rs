use serde_json::json;
use signet_core::ca::{Bundle, CaChain};
use signet_keys::KeyType;

use super::super::demand::OwnDemand::{Nothing, Object, WhatExists};
use super::super::fact::published;
use super::super::object::Found;
use super::super::object::ObjectKind::{ConfigMap, Secret};
use super::super::observe::Own;
use super::{foreign, found};
use crate::fixtures::{ca, key};

fn root(name: &str) -> CaChain {
    ca::valid(&*key::signer(KeyType::EcdsaP256), name)
}

fn pem(roots: &[&CaChain]) -> String {
    Bundle::of(roots.iter().map(|root| root.issuing()))
        .pem()
        .to_owned()
}

fn fingerprint(root: &CaChain) -> String {
    hex::encode(root.issuing().fingerprint())
}

fn with(pem: &str) -> Option<Found> {
    Some(found("/data/ca.crt", json!(pem)))
}

/// The condition of an activation: the object had the root, and not only the status.
#[test]
fn a_root_is_published_once_it_is_in_the_status_and_in_each_object() {
    let (old, new) = (root("Old"), root("New"));
    let both = pem(&[&new, &old]);
    let own = |config_map, secret| Own { config_map, secret };
    let all = [fingerprint(&old), fingerprint(&new)].into();
    let only_old = [fingerprint(&old)].into();
    let of_object = Object(ConfigMap);
    for (status, demand, own, expected) in [
        (&both, of_object, own(with(&both), None), &all),
        (&both, of_object, own(with(&pem(&[&old])), None), &only_old),
        (&pem(&[&old]), of_object, own(with(&both), None), &only_old),
        // The other kind, which is about to be deleted, does not count.
        (&both, of_object, own(with(&both), with("")), &all),
        (&both, Nothing, own(with(""), None), &all),
        (&both, WhatExists, Own::default(), &all),
        (&both, WhatExists, own(None, with(&pem(&[&old]))), &only_old),
    ] {
        assert_eq!(
            published(status, demand, &own),
            *expected,
            "{demand:?} {own:?}"
        );
    }
}

/// Another client's object, and one that was edited, deleted or cut off, hold no root.
#[test]
fn an_object_that_is_missing_foreign_or_edited_publishes_nothing() {
    let both = pem(&[&root("Old"), &root("New")]);
    let mut foreign = foreign();
    foreign.pem = Some(both.clone());
    let config_maps = [
        None,
        Some(foreign),
        with(""),
        with("no PEM"),
        with(&both[..200]),
    ];
    for config_map in config_maps {
        let own = Own {
            config_map,
            secret: None,
        };
        assert!(
            published(&both, Object(ConfigMap), &own).is_empty(),
            "{own:?}"
        );
    }
    assert!(published(&both, Object(Secret), &Own::default()).is_empty());
}
