//! When the next generation is activated.

use super::*;
use crate::ca::lifecycle::table::Event;

/// A next generation under another root, published after two days.
fn next() -> Generation {
    Generation {
        certified: Some(certified("ca-2", "two", DAY)),
        prepared: at(DAY),
        published: Some(at(DAY * 2)),
        ..requested(2, "k2")
    }
}

fn scene(generations: impl IntoIterator<Item = Generation>) -> Scene {
    Scene::new(generations).key("k2")
}

fn activates(scene: &Scene) -> bool {
    matches!(
        scene.step(),
        Some(Step::Record {
            number: 2,
            event: Event::Activated,
            ..
        })
    )
}

#[test]
fn a_new_root_waits_for_the_leaves_that_came_without_it() {
    // A day, and a tenth of it but at most an hour for clock skew.
    let until = DAY * 3 + HOUR;
    let waiting = scene([active(), next()]).at(until - Duration::from_secs(1));
    let expected = Wait::Leaves {
        until: at(until),
        under: 1,
        lifetime: DAY,
    };
    assert_eq!(waiting.plan().waits, Some(expected));
    assert_eq!(waiting.step(), None);
    assert_eq!(waiting.plan().wake, Some(at(until)));
    assert!(activates(&scene([active(), next()]).at(until)));
}

#[test]
fn leaves_under_an_older_generation_count_until_it_was_replaced() {
    let mut oldest = active();
    oldest.lifetimes.leaf = Some(DAY * 30);
    oldest.superseded = Some(at(DAY / 2));
    let current = Generation {
        number: 2,
        activated: Some(at(DAY / 2)),
        certified: Some(certified("ca-1b", "one", DAY / 2)),
        ..active()
    };
    let next = Generation {
        number: 3,
        ..next()
    };
    let scene = scene([oldest, current, next]).at(DAY * 29);
    let Some(Wait::Leaves { until, under, .. }) = scene.plan().waits else {
        panic!("{:?}", scene.plan().waits)
    };
    assert_eq!((until, under), (at(DAY * 30 + DAY / 2 + HOUR), 1));
}

#[test]
fn only_publication_starts_the_delay() {
    let mut unpublished = next();
    unpublished.published = None;
    let scene = scene([active(), unpublished]).at(DAY * 90);
    assert_eq!(scene.plan().waits, Some(Wait::Publication));
}

/// Another client's object has the name of the bundle.
#[test]
fn an_object_that_cannot_be_written_holds_a_rotation_and_nothing_urgent() {
    let mut unpublished = next();
    unpublished.published = None;
    let held = || scene([active(), unpublished.clone()]).in_status("two");
    let published = Some(Step::Record {
        number: 2,
        event: Event::Published,
        at: at(DAY * 2),
    });
    assert_eq!(held().at(DAY * 2).step(), None);
    assert_eq!(held().at(DAY * 2).published("two").step(), published);
    // The key that signs is gone or revoked, or nothing was granted yet.
    let mut gone = held().at(DAY * 2);
    gone.active_key_gone = true;
    assert_eq!(gone.step(), published);
    let revoked = held().at(DAY * 2);
    let revoked = revoked.spec(|spec| spec.revoked = BTreeSet::from(["k1".to_owned()]));
    assert_eq!(revoked.step(), published);
    let mut unused = held().at(DAY * 2);
    unused.generations[0].lifetimes = Lifetimes::default();
    assert_eq!(unused.step(), published);
    // The root signs already.
    let mut renewal = unpublished.clone();
    renewal.certified.as_mut().unwrap().root = root("one");
    let renewal = scene([active(), renewal]).at(DAY * 2).in_status("one");
    assert_eq!(renewal.step(), published);
}

#[test]
fn a_root_that_signed_before_needs_no_delay() {
    let mut renewal = next();
    renewal.certified.as_mut().unwrap().root = root("one");
    assert!(activates(&scene([active(), renewal.clone()]).at(DAY * 2)));
    let manual = |spec: &mut Spec| spec.activation = Activation::Manual;
    assert!(activates(
        &scene([active(), renewal]).at(DAY * 2).spec(manual)
    ));
}

#[test]
fn nothing_is_gained_by_waiting_if_nothing_was_granted_or_the_active_ca_cannot_sign() {
    let mut unused = active();
    unused.lifetimes = Lifetimes::default();
    assert!(activates(&scene([unused, next()]).at(DAY * 2)));
    let mut gone = scene([active(), next()]).at(DAY * 2);
    gone.active_key_gone = true;
    assert!(activates(&gone));
    let mut ending = active();
    ending.certified.as_mut().unwrap().not_after = at(DAY * 2 + HOUR);
    assert!(activates(&scene([ending, next()]).at(DAY * 2)));
}

#[test]
fn the_spec_can_set_the_delay_or_leave_it_to_a_command() {
    let after = |spec: &mut Spec| spec.activation = Activation::After(HOUR);
    let waiting = scene([active(), next()]).at(DAY * 2).spec(after);
    assert_eq!(waiting.plan().waits, Some(Wait::Delay(at(DAY * 2 + HOUR))));
    assert!(activates(
        &scene([active(), next()]).at(DAY * 2 + HOUR).spec(after)
    ));

    let manual = |spec: &mut Spec| spec.activation = Activation::Manual;
    let waiting = scene([active(), next()]).at(DAY * 50).spec(manual);
    assert_eq!(
        (waiting.plan().waits, waiting.step()),
        (Some(Wait::Command), None)
    );
    let command = |spec: &mut Spec| spec.activate = Some("ca-2".to_owned());
    assert!(activates(&waiting.spec(command)));
}

#[test]
fn a_ninth_ca_and_a_bundle_that_is_too_large_wait_and_are_not_published() {
    let mut unpublished = next();
    unpublished.published = None;
    let mut full = scene([active(), unpublished.clone()])
        .at(DAY * 2)
        .published("two");
    full.named_roots = (1..MAX_ROOTS).map(|n| root(&n.to_string())).collect();
    assert_eq!(full.plan().waits, Some(Wait::TooManyRoots));
    assert_eq!(full.bundle().len(), MAX_ROOTS);
    full.named_roots.pop();
    assert_eq!(full.bundle().len(), MAX_ROOTS);
    assert_eq!(full.plan().waits, Some(Wait::Publication));

    let mut large = scene([active(), unpublished]).at(DAY * 2);
    large.named_roots = vec![Root {
        size: MAX_BUNDLE - 1000,
        ..root("x")
    }];
    assert!(matches!(large.plan().waits, Some(Wait::BundleTooLarge(_))));
    assert_eq!(large.bundle(), ["one", "x"]);
    // A root that the spec names too is in the bundle, which is too large as it is.
    large.named_roots.push(root("two"));
    assert!(matches!(large.plan().waits, Some(Wait::BundleTooLarge(_))));
}

/// What is not valid yet would be rejected by every verifier.
#[test]
fn a_certificate_of_the_future_waits() {
    let mut future = next();
    future.certified.as_mut().unwrap().not_before = at(DAY * 5);
    let scene = scene([active(), future]).at(DAY * 4);
    assert_eq!(scene.plan().waits, Some(Wait::NotYetValid(at(DAY * 5))));
}
