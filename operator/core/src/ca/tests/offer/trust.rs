//! A parent's response must not plant a trust anchor.

use super::{Expectations, expectations, offered};
use crate::ca::CaCertificate;
use crate::ca::offer::{Refusal, Trust, TrustedRoots, Warning};
use crate::ca::tests::{Three, names};
use crate::fixtures::certificate::Parts;
use crate::fixtures::key::Key;
use crate::fixtures::{DAY, at};

fn read(parts: &Parts) -> CaCertificate {
    CaCertificate::from_der(&parts.der()).unwrap()
}

fn trusting<'a>(key: &'a Key, trusted_roots: TrustedRoots<'a>) -> Expectations<'a> {
    Expectations {
        trusted_roots,
        ..expectations(key)
    }
}

#[test]
fn the_first_root_is_pinned_and_the_warning_has_the_yaml() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let other = &Parts::root("other", &Key::p256(4));
    let expected = trusting(&issuing.key, TrustedRoots::default());
    let accepted = offered(&[issuing, middle], &[other, root], &expected).unwrap();
    assert_eq!(accepted.trust, Trust::Pinned);
    // Only the root of the path is pinned.
    assert_eq!(names(&accepted.chain).1, ["root"]);
    let [
        Warning::Pinned { remedy, .. },
        Warning::RootLeftOut(left_out),
    ] = &accepted.warnings[..]
    else {
        panic!("{:?}", accepted.warnings);
    };
    let fingerprint = hex::encode(read(root).fingerprint());
    assert_eq!(
        remedy.to_string(),
        format!("set in spec.certificate: trustedRoots: {{fingerprints: [\"{fingerprint}\"]}}")
    );
    assert_eq!(left_out, "CN=other");
}

#[test]
fn a_listed_root_is_trusted_and_no_other() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let (own, other) = (read(root), read(&Parts::root("other", &Key::p256(4))));
    let fingerprints = [&own, &other].map(|root| [root.fingerprint().to_vec()]);
    let certificates = [[own], [other]];
    for listed in 0..2 {
        let lists = [
            TrustedRoots {
                fingerprints: &fingerprints[listed],
                ..TrustedRoots::default()
            },
            TrustedRoots {
                certificates: &certificates[listed],
                ..TrustedRoots::default()
            },
        ];
        for list in lists {
            let outcome = offered(&[issuing, middle], &[root], &trusting(&issuing.key, list));
            match outcome {
                Ok(accepted) => assert_eq!((listed, accepted.trust), (0, Trust::Listed)),
                Err(Refusal::UntrustedRoot { subject, .. }) => {
                    assert_eq!((listed, subject.as_str()), (1, "CN=root"));
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

/// The parent's root changed, or an attacker responds in its place.
#[test]
fn a_second_root_waits_until_it_is_listed_or_followed() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let first = [read(&Parts::root("root", &Key::p256(44)))];
    let mut list = TrustedRoots {
        pinned: &first,
        ..TrustedRoots::default()
    };
    let outcome = offered(&[issuing, middle], &[root], &trusting(&issuing.key, list));
    let Err(refusal @ Refusal::UntrustedRoot { .. }) = outcome else {
        panic!("{outcome:?}");
    };
    let [pinned, own] = [&first[0], &read(root)].map(|root| hex::encode(root.fingerprint()));
    let message = refusal.to_string();
    assert!(
        message.contains(&format!("with SHA-256 {own} is not trusted")),
        "{message}"
    );
    // What was pinned stays listed.
    let (_, yaml) = message.split_once("trustedRoots: ").unwrap();
    assert!(yaml.contains(&pinned) && yaml.contains(&own), "{message}");
    list.follow_parent = true;
    let accepted = offered(&[issuing, middle], &[root], &trusting(&issuing.key, list)).unwrap();
    assert_eq!((accepted.trust, accepted.warnings), (Trust::Pinned, vec![]));
}

/// A list that cannot be read, or is empty, must not turn into trust on first use.
#[test]
fn with_a_list_in_an_object_no_root_is_pinned() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let list = TrustedRoots {
        object: Some("the ConfigMap roots"),
        ..TrustedRoots::default()
    };
    let outcome = offered(&[issuing, middle], &[root], &trusting(&issuing.key, list));
    let Err(Refusal::UntrustedRoot { remedy, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        remedy.to_string(),
        "add it to ca.crt of the ConfigMap roots"
    );
}

/// It is trusted as the one before it is, and as long.
#[test]
fn a_renewed_root_over_the_same_key_is_trusted() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let before = [read(&root.clone().valid(at(-900 * DAY), at(-DAY)))];
    let list = TrustedRoots::default();
    for (list, trust) in [
        (
            TrustedRoots {
                pinned: &before,
                ..list
            },
            Trust::Pinned,
        ),
        (
            TrustedRoots {
                created: &before,
                ..list
            },
            Trust::Created,
        ),
        (
            TrustedRoots {
                certificates: &before,
                ..list
            },
            Trust::SameKey,
        ),
    ] {
        let accepted = offered(&[issuing, middle], &[root], &trusting(&issuing.key, list)).unwrap();
        assert_eq!(accepted.trust, trust);
        let pins = |warning: &Warning| matches!(warning, Warning::Pinned { .. });
        let is_pinned = trust == Trust::Pinned;
        assert_eq!(accepted.warnings.iter().any(pins), is_pinned, "{trust:?}");
    }
}

/// An issuer that had a root of its own moves below a parent: that root pins no other.
#[test]
fn a_root_that_signet_created_is_not_the_first_of_a_parent() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let created = [read(&Parts::root("own", &Key::p256(44)))];
    let list = TrustedRoots {
        created: &created,
        ..TrustedRoots::default()
    };
    let accepted = offered(&[issuing, middle], &[root], &trusting(&issuing.key, list)).unwrap();
    assert_eq!(accepted.trust, Trust::Pinned);
}

#[test]
fn signets_own_root_is_created() {
    let root = &Three::new().root;
    let pinned = [read(&Parts::root("other", &Key::p256(4)))];
    let list = TrustedRoots {
        pinned: &pinned,
        ..TrustedRoots::default()
    };
    let mut expected = trusting(&root.key, list);
    let accepted = offered(&[root], &[], &expected).unwrap();
    assert_eq!(
        (accepted.trust, accepted.warnings),
        (Trust::Created, vec![])
    );
    // One that merely exists is as good as its list.
    expected.is_requested = false;
    let outcome = offered(&[root], &[], &expected);
    assert!(
        matches!(outcome, Err(Refusal::UntrustedRoot { .. })),
        "{outcome:?}"
    );
}
