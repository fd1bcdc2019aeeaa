//! Who shares a CA with whom, what the messages may name, and when they change.

use super::*;
use crate::fixtures::{corp, issuer};

fn plain(path: &[&str]) -> CaKeys {
    CaKeys {
        trust_domain: None,
        path: path.iter().map(|&key| key.to_owned()).collect(),
        roots: path.last().map(|&key| key.to_owned()).into_iter().collect(),
    }
}

fn spiffe(path: &[&str]) -> CaKeys {
    CaKeys {
        trust_domain: Some(trust_domain("example.org")),
        ..plain(path)
    }
}

fn trust_domain(name: &str) -> TrustDomain {
    TrustDomain::parse(name).unwrap()
}

/// Sets all of them, and returns the message of the first.
fn message(issuers: &[(IssuerName, CaKeys)]) -> Option<String> {
    let mut index = CaIndex::default();
    for (name, keys) in issuers {
        index.set(name, Some(keys.clone()));
    }
    index.shared(&issuers[0].0).map(|shared| shared.to_string())
}

/// A tenant's plain issuer over the key, the certificate or the root of a trust domain could sign
/// any identity of it without a word anywhere.
#[test]
fn a_shared_certificate_key_or_root_is_reported_by_both() {
    for (own, other) in [
        (&["ca", "root"][..], &["ca", "root"][..]),
        (&["root"], &["ca", "root"]),
        (&["a", "root"], &["b", "root"]),
        (&["ca"], &["ca", "root"]),
    ] {
        for (own, other) in [(own, other), (other, own)] {
            let (with, without) = ((corp(), spiffe(own)), (issuer("shop", "ca"), plain(other)));
            assert_eq!(
                message(&[without.clone(), with.clone()]).unwrap(),
                "shares a CA certificate, key or root with ClusterIssuer corp, which has a trust \
                 domain, and refuses SPIFFE IDs only of ClusterIssuers and of Issuers in its \
                 namespace; use separate keys and roots"
            );
            assert_eq!(
                message(&[with, without]).unwrap(),
                "shares a CA certificate, key or root with an Issuer in another namespace, which \
                 has no trust domain and can sign what the rules of this issuer refuse; use \
                 separate keys and roots"
            );
        }
    }
}

#[test]
fn ignores_issuers_of_the_same_sort_or_over_separate_cas() {
    let (corp, other) = (corp(), issuer("shop", "ca"));
    for (own, others) in [
        (spiffe(&["a", "root"]), spiffe(&["b", "root"])),
        (plain(&["a", "root"]), plain(&["b", "root"])),
        (spiffe(&["a"]), plain(&["b"])),
        (spiffe(&[]), plain(&[])),
    ] {
        assert_eq!(
            message(&[(corp.clone(), own), (other.clone(), others)]),
            None
        );
    }
}

/// Listing someone's root in `ca.crt` takes no key, so it must not make others' issuers warn.
#[test]
fn a_root_that_is_only_trusted_is_reported_by_the_issuer_that_trusts_it() {
    let mut trusting = spiffe(&["own"]);
    trusting.roots.insert("root".to_owned());
    let trusting = (issuer("shop", "spiffe"), trusting);
    let plain = (corp(), plain(&["ca", "root"]));
    let report = message(&[trusting.clone(), plain.clone()]).unwrap();
    assert!(report.contains("ClusterIssuer corp"), "{report}");
    assert_eq!(message(&[plain, trusting]), None);
}

#[test]
fn names_an_issuer_of_its_own_namespace_or_a_cluster_issuer_and_counts_the_rest() {
    let own = (issuer("shop", "spiffe"), spiffe(&["ca"]));
    let others = [
        issuer("bank", "a"),
        issuer("shop", "b"),
        corp(),
        issuer("zoo", "c"),
    ];
    let plain = |name: &IssuerName| (name.clone(), plain(&["ca"]));
    let with = |others: &[IssuerName]| {
        let all: Vec<_> = std::iter::once(own.clone())
            .chain(others.iter().map(plain))
            .collect();
        let mut index = CaIndex::default();
        for (name, keys) in &all {
            index.set(name, Some(keys.clone()));
        }
        index.shared(&own.0).unwrap().others()
    };
    assert_eq!(with(&others), "Issuer shop/b and 3 other issuers");
    assert_eq!(with(&others[2..]), "ClusterIssuer corp and 1 other issuer");
    assert_eq!(with(&others[3..]), "an Issuer in another namespace");
    assert_eq!(
        with(&[others[0].clone(), others[3].clone()]),
        "2 Issuers in other namespaces"
    );
}

/// Names of issuers in other namespaces are not the reader's to know.
#[test]
fn never_names_an_issuer_of_another_namespace() {
    for reader in [corp(), issuer("shop", "own")] {
        let others =
            (0..MAX_COUNTED + 5).map(|n| (issuer("secret", &format!("x{n}")), plain(&["ca"])));
        let all: Vec<_> = std::iter::once((reader, spiffe(&["ca"])))
            .chain(others)
            .collect();
        let message = message(&all).unwrap();
        assert!(
            !message.contains("secret") && !message.contains('x'),
            "{message}"
        );
        assert!(
            message.contains("more than 10 Issuers in other"),
            "{message}"
        );
    }
}

#[test]
fn wakes_only_the_issuers_whose_message_changes() {
    let mut index = CaIndex::default();
    let (ours, theirs) = (corp(), issuer("shop", "ca"));
    let (only_ours, only_theirs) = ([ours.clone()], [theirs.clone()]);
    assert_eq!(index.set(&ours, Some(spiffe(&["root"]))), []);
    assert_eq!(index.set(&theirs, Some(plain(&["other"]))), []);
    let shares = Some(plain(&["ca", "root"]));
    assert_eq!(index.set(&theirs, shares.clone()), only_ours);
    assert_eq!(index.set(&theirs, shares), [], "nothing changed");
    let another_ca = Some(plain(&["ca-2", "root"]));
    assert_eq!(
        index.set(&theirs, another_ca),
        [],
        "the message is the same"
    );
    assert_eq!(index.set(&ours, Some(plain(&["root"]))), only_theirs);
    assert_eq!(index.set(&ours, Some(spiffe(&["root"]))), only_theirs);
    assert_eq!(index.set(&theirs, None), only_ours);
    assert_eq!(index.shared(&ours), None);
    assert_eq!(index.set(&theirs, None), []);
}

/// A thousand issuers over one CA would otherwise have each other's messages rewritten a million
/// times.
#[test]
fn a_flood_of_issuers_rewrites_a_message_a_few_times() {
    let mut index = CaIndex::default();
    index.set(&corp(), Some(spiffe(&["ca"])));
    let rewritten = (0..1000)
        .flat_map(|n| index.set(&issuer("shop", &format!("x{n}")), Some(plain(&["ca"]))))
        .count();
    assert_eq!(rewritten, MAX_COUNTED + 1);
}

/// At a restart the issuers are observed one after another; a message that is there must not go
/// and come back.
#[test]
fn a_message_stays_until_every_listed_issuer_was_observed() {
    let wakeups = Wakeups::default();
    let (sharing, mut changes) = (Sharing::new(wakeups.clone()), wakeups.issuers());
    let (ours, theirs, gone) = (corp(), issuer("shop", "ca"), issuer("shop", "gone"));
    sharing.set(&ours, spiffe(&["ca"]));
    assert!(sharing.holds(&ours), "nothing is listed");
    sharing.listed([ours.clone(), theirs.clone(), gone.clone()]);
    assert!(sharing.holds(&ours));
    sharing.observed(&theirs);
    assert!(changes.try_recv().is_err());
    sharing.remove(&gone);
    assert_eq!(changes.try_recv().unwrap(), Some(ours.clone()));
    assert!(!sharing.holds(&ours));
    sharing.set(&theirs, plain(&["ca"]));
    assert_eq!(changes.try_recv().unwrap(), Some(ours.clone()));
    assert!(changes.try_recv().is_err());
}

/// The trust domains whose IDs the first issuer must not issue.
fn served(issuers: &[(IssuerName, CaKeys)]) -> Vec<String> {
    let mut index = CaIndex::default();
    for (name, keys) in issuers {
        index.set(name, Some(keys.clone()));
    }
    let served = index.served(&issuers[0].0);
    served.iter().map(|it| it.as_str().to_owned()).collect()
}

#[test]
fn a_plain_issuer_must_not_issue_ids_of_trust_domains_that_share_its_ca() {
    let tenant = (issuer("shop", "ca"), plain(&["ca", "root"]));
    let platform = (corp(), plain(&["ca", "root"]));
    for (name, keys) in [
        (corp(), spiffe(&["ca", "root"])),
        (corp(), spiffe(&["root"])),
        (corp(), spiffe(&["other", "root"])),
        (issuer("shop", "spiffe"), spiffe(&["other", "root"])),
    ] {
        let issuers = [tenant.clone(), (name, keys)];
        assert_eq!(served(&issuers), ["example.org"], "{issuers:?}");
    }
    let mut trusting = spiffe(&["own"]);
    trusting.roots.insert("root".to_owned());
    assert_eq!(
        served(&[tenant.clone(), (corp(), trusting)]),
        ["example.org"]
    );
    let other = (issuer("", "other"), spiffe(&["other"]));
    assert_eq!(served(&[tenant, other.clone()]), [""; 0], "separate CAs");
    assert_eq!(served(&[platform, other]), [""; 0], "separate CAs");
}

/// A tenant who names a trust domain must not have the requests of others refused.
#[test]
fn an_issuer_of_another_namespace_reserves_no_trust_domain() {
    let tenant = (issuer("bank", "spiffe"), spiffe(&["other", "root"]));
    for victim in [issuer("shop", "ca"), corp()] {
        let victim = (victim, plain(&["ca", "root"]));
        assert_eq!(served(&[victim, tenant.clone()]), [""; 0]);
    }
}

#[test]
fn which_trust_domains_are_served_is_unknown_until_every_issuer_was_observed() {
    let sharing = Sharing::new(Wakeups::default());
    let own = issuer("shop", "ca");
    sharing.set(&own, plain(&["root"]));
    assert_eq!(sharing.served_with(&own).list(), None, "not listed");
    sharing.listed([own.clone(), corp()]);
    assert_eq!(
        sharing.served_with(&own).list(),
        None,
        "one was not observed"
    );
    sharing.set(&corp(), spiffe(&["root"]));
    let served = sharing.served_with(&own).list().unwrap();
    assert_eq!(served, [trust_domain("example.org")].into());
}

/// A watch can miss the deletion of an issuer that was never observed.
#[test]
fn an_issuer_that_is_gone_is_not_waited_for() {
    let sharing = Sharing::new(Wakeups::default());
    let own = issuer("shop", "ca");
    sharing.set(&own, plain(&["root"]));
    sharing.listed([own.clone(), corp()]);
    assert_eq!(sharing.remaining(), [corp()]);
    sharing.remove(&corp());
    assert_eq!(sharing.served_with(&own).list(), Some([].into()));
}
