//! A chain that is written down, as a CAGeneration keeps it, reads as the same chain.

use super::{Three, names, pem, read};
use crate::ca::{CaCertificate, CaChain, ChainError};
use crate::fixtures::certificate::Parts;
use crate::fixtures::der::{extension, hex, tlv};
use crate::fixtures::key::{Key, Kind};
use crate::fixtures::{DAY, NOW, at};

fn written(certificates: &[CaCertificate]) -> String {
    certificates.iter().map(CaCertificate::pem).collect()
}

#[track_caller]
fn assert_reads_again(chain: &CaChain) {
    let (path, roots) = (written(chain.path()), written(chain.roots()));
    let again = CaChain::from_pem(path.as_bytes(), Some(roots.as_bytes()), NOW);
    assert_eq!(again.as_ref(), Ok(chain));
    assert!(chain.is_storable(NOW), "the path by itself");
}

/// Reads every order of what is given, split between both files in every way.
fn for_every_order(issuing: &Parts, others: &[&Parts], mut check: impl FnMut(&CaChain)) {
    let mut orders = vec![Vec::new()];
    for other in others {
        let longer = |order: &Vec<_>| {
            (0..=order.len())
                .map(move |place| (order.clone(), place))
                .collect::<Vec<_>>()
        };
        orders = orders
            .iter()
            .flat_map(longer)
            .map(|(mut order, place)| {
                order.insert(place, *other);
                order
            })
            .collect();
    }
    for order in orders {
        for split in 0..=order.len() {
            let own = [&[issuing], &order[..split]].concat();
            match read(&own, &order[split..]) {
                Ok(chain) => check(&chain),
                Err(ChainError::Unrelated(_) | ChainError::NoPathToRoot(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn round_trips_chains_with_and_without_roots() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let other = &Parts::root("other", &Key::new(Kind::Ed25519, 4));
    let another = &Parts::root("another", &Key::new(Kind::P384, 5));
    let old = &root.clone().valid(at(-90), at(-9));
    // The same name and key, with the same end.
    let twin = &root
        .clone()
        .and(extension("1.3.6.1.4.1.99999.1", &hex("0500")));
    let table: [&[&Parts]; 7] = [
        &[],
        &[middle],
        &[middle, root],
        &[middle, root, other, another],
        &[middle, root, old],
        &[middle, root, twin],
        &[middle, root, old, twin],
    ];
    for others in table {
        let mut chains = 0;
        for_every_order(issuing, others, |chain| {
            assert_reads_again(chain);
            chains += 1;
        });
        assert!(chains > 0);
    }
    assert_reads_again(&read(&[root], &[]).unwrap());
    assert_reads_again(&read(&[root], &[other, root, old, twin]).unwrap());
    assert_reads_again(&read(&[root, other], &[]).unwrap());
    let root = CaCertificate::from_der(&root.der()).unwrap();
    assert_reads_again(&CaChain::from_root(root));
}

#[test]
fn round_trips_roots_that_signed_each_other() {
    let (old_key, new_key) = (Key::p256(1), Key::p256(2));
    let old = &Parts::root("old", &old_key);
    let new = &Parts::root("new", &new_key);
    let new_by_old = &Parts::intermediate("new", &new_key, old);
    let old_by_new = &Parts::intermediate("old", &old_key, new);
    let issuing = &Parts::intermediate("issuing", &Key::p256(3), new);
    // All with one end, and each one ending last.
    for longest in 0..5 {
        let mut all = [old, new, new_by_old, old_by_new].map(Clone::clone);
        if let Some(one) = all.get_mut(longest) {
            one.not_after = at(400 * DAY);
        }
        let mut longest_path = 0;
        for_every_order(issuing, &all.each_ref(), |chain| {
            assert_reads_again(chain);
            longest_path = longest_path.max(chain.path().len());
        });
        assert!(longest_path >= 3, "{longest_path}");
    }
}

#[test]
fn keeps_a_path_that_contains_a_cycle() {
    let (old_key, new_key) = (Key::p256(1), Key::p256(2));
    let old = &Parts::root("old", &old_key);
    let new = &Parts::root("new", &new_key).valid(at(-9), at(400 * DAY));
    let new_by_old = &Parts::intermediate("new", &new_key, old);
    let old_by_new = &Parts::intermediate("old", &old_key, new);
    let issuing = &Parts::intermediate("issuing", &Key::p256(3), new);
    let path = [issuing, new_by_old, old_by_new, new];
    for chain in [read(&path, &[]), read(&path[..3], &path[3..])] {
        let chain = chain.unwrap();
        assert_eq!(
            names(&chain),
            (vec!["issuing", "new", "old", "new"], vec!["new"])
        );
        assert_reads_again(&chain);
    }
}

/// No file reads as such a chain.
#[test]
fn a_chain_that_would_be_found_as_another_is_not_storable() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let read = |parts: &Parts| CaCertificate::from_der(&parts.der()).unwrap();
    let chain = CaChain {
        path: vec![read(middle), read(issuing), read(root)],
        roots: vec![read(root)],
    };
    assert!(!chain.is_storable(NOW));
}

/// A path of so many certificates, the issuing CA first.
fn long(length: usize) -> Vec<Parts> {
    let mut path = vec![Parts::root("0", &Key::p256(1))];
    for seed in 2..=u8::try_from(length).unwrap() {
        let above = path.last().unwrap();
        path.push(Parts::intermediate(
            &seed.to_string(),
            &Key::p256(seed),
            above,
        ));
    }
    path.reverse();
    path
}

#[test]
fn limits_what_two_files_add_up_to() {
    let path = long(33);
    let path: Vec<_> = path.iter().collect();
    let chain = read(&path[1..17], &path[17..]).unwrap();
    assert_eq!(chain.path().len(), 32);
    assert_reads_again(&chain);
    for split in [1, 16, 32] {
        let outcome = read(&path[..split], &path[split..]);
        assert_eq!(outcome, Err(ChainError::TooMany(32)));
    }

    let roots: Vec<_> = (101..=133)
        .map(|seed: u8| Parts::root(&seed.to_string(), &Key::p256(seed)))
        .collect();
    let roots: Vec<_> = roots.iter().collect();
    let chain = read(&roots[..16], &roots[16..32]).unwrap();
    assert_eq!(chain.roots().len(), 32);
    assert_reads_again(&chain);
    let outcome = read(&roots[..16], &roots[16..]);
    assert_eq!(outcome, Err(ChainError::TooMany(32)));
}

#[test]
fn counts_the_size_of_certificates_as_written() {
    let most = 64 * 1024;
    let large = |name: &str, seed, bytes| {
        let padding = extension("1.3.6.1.4.1.99999.1", &tlv(0x04, &vec![0; bytes]));
        Parts::root(name, &Key::p256(seed)).and(padding)
    };
    let half = large("a", 1, 23_500);
    let other = large("b", 2, 23_500);
    assert!(pem(&[&half, &other]).len() < most);
    assert_reads_again(&read(&[&half], &[&other]).unwrap());
    let other = large("b", 2, 26_000);
    assert!(pem(&[&half, &other]).len() > most);
    assert_eq!(read(&[&half], &[&other]), Err(ChainError::TooLarge(most)));
}
