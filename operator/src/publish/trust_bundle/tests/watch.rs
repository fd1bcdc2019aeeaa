use std::collections::HashSet;

use kube::core::ObjectMeta;
use kube::runtime::watcher::Event;

use super::super::served::TrustBundles;
use super::super::watch::{Metadata, changed};
use crate::fixtures::{corp, shop_ca};
use crate::issuer_name::IssuerName;

fn object(name: &str) -> Metadata {
    Metadata {
        types: None,
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        _phantom: std::marker::PhantomData,
    }
}

fn of_corp() -> Metadata {
    object("clusterissuers.signet.dev:corp:bundle")
}

fn of_shop() -> Metadata {
    object("issuers.signet.dev:shop.ca:bundle")
}

#[test]
fn an_edit_a_deletion_and_another_list_wake_the_issuer() {
    let bundles = TrustBundles::default();
    let mut listed = HashSet::new();
    assert_eq!(bundles.exists(&corp()), None);
    for (event, woken, existing) in [
        (Event::Init, &[][..], &[][..]),
        (Event::InitApply(of_corp()), &[], &[]),
        (Event::InitDone, &[], &[corp()]),
        (Event::Apply(of_shop()), &[shop_ca()], &[corp(), shop_ca()]),
        (Event::Apply(object("theirs")), &[], &[corp(), shop_ca()]),
        (Event::Delete(of_corp()), &[corp()], &[shop_ca()]),
        (Event::Init, &[], &[shop_ca()]),
        (Event::InitApply(of_corp()), &[], &[shop_ca()]),
        // The deletion of one was missed, and an edit of the other may have been.
        (Event::InitDone, &[corp(), shop_ca()], &[corp()]),
    ] {
        let sorted = |mut names: Vec<IssuerName>| {
            names.sort();
            names
        };
        let name = format!("{event:?}");
        let woken = sorted(woken.to_vec());
        assert_eq!(
            sorted(changed(&event, &mut listed, &bundles)),
            woken,
            "{name}"
        );
        assert_eq!(
            sorted(bundles.issuers()),
            sorted(existing.to_vec()),
            "{name}"
        );
    }
    assert_eq!(bundles.exists(&corp()), Some(true));
    assert_eq!(bundles.exists(&shop_ca()), Some(false));
}
