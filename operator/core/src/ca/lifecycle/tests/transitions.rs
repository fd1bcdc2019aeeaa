//! Each transition of the table, from a situation that calls for it.

use super::*;
use crate::ca::lifecycle::table::{self, Event, TRANSITIONS};

fn record(number: u32, event: Event, at: Timestamp) -> Option<Step> {
    Some(Step::Record { number, event, at })
}

/// A second generation over another key, whose certificate chains to another root.
fn second() -> Generation {
    Generation {
        certified: Some(certified("ca-2", "two", DAY)),
        prepared: at(DAY),
        ..requested(2, "k2")
    }
}

fn published_second() -> Generation {
    Generation {
        published: Some(at(DAY * 2)),
        ..second()
    }
}

#[test]
fn every_transition_leads_to_a_state_of_its_own() {
    for (place, (from, on, to)) in TRANSITIONS.iter().enumerate() {
        assert_ne!(from, to);
        assert_eq!(table::after(*from, *on), Some(*to));
        let again = TRANSITIONS[place + 1..].iter();
        assert!(
            again
                .into_iter()
                .all(|other| (other.0, other.1) != (*from, *on))
        );
    }
}

#[test]
fn the_first_generation_is_created_certified_published_and_activated() {
    let scene = Scene::new([]);
    let Some(Step::Create(new)) = scene.step() else {
        panic!("{:?}", scene.step())
    };
    assert_eq!((new.number, new.key.as_str(), new.copy_of), (1, "k1", None));
    let mut one = requested(1, "k1");
    let mut scene = Scene::new([one.clone()]);
    assert_eq!(scene.state(1), State::Requested);
    assert_eq!(scene.step(), None, "it waits for its parent");
    assert_eq!(scene.plan().waits, Some(Wait::Certificate));
    scene.offered = Some(certified("ca-1", "one", Duration::ZERO));
    assert_eq!(
        scene.step(),
        record(1, Event::Certified, at(Duration::ZERO))
    );

    one.certified.clone_from(&scene.offered);
    let scene = Scene::new([one.clone()]);
    assert_eq!(scene.state(1), State::Prepared);
    assert_eq!(scene.bundle(), ["one"]);
    assert_eq!(
        (scene.step(), scene.plan().waits),
        (None, Some(Wait::Publication))
    );
    let scene = scene.published("one");
    assert_eq!(
        scene.step(),
        record(1, Event::Published, at(Duration::ZERO))
    );

    one.published = Some(at(Duration::ZERO));
    let scene = Scene::new([one.clone()]);
    assert_eq!(scene.state(1), State::Published);
    assert_eq!(
        scene.step(),
        record(1, Event::Activated, at(Duration::ZERO))
    );
    assert_eq!(scene.plan().signing, Err(NotSigning::NotActive));

    let scene = Scene::new([active()]);
    assert_eq!((scene.state(1), scene.step()), (State::Active, None));
    assert_eq!(scene.plan().signing, Ok(1));
}

#[test]
fn another_key_is_prepared_beside_the_one_that_signs() {
    let scene = Scene::new([active()]).key("k2").at(DAY);
    let Some(Step::Create(new)) = scene.step() else {
        panic!("{:?}", scene.step())
    };
    assert_eq!((new.number, new.key.as_str(), new.copy_of), (2, "k2", None));
    let scene = Scene::new([active(), second()]).key("k2").at(DAY);
    assert_eq!(scene.plan().signing, Ok(1));
    assert_eq!(
        scene.bundle(),
        ["one", "two"],
        "the new root is trusted first"
    );
}

#[test]
fn the_generation_before_is_superseded_when_the_next_one_is_activated() {
    let mut next = published_second();
    next.activated = Some(at(DAY * 4));
    next.lifetimes.leaf = Some(DAY);
    let scene = Scene::new([active(), next]).key("k2").at(DAY * 4);
    assert_eq!(scene.plan().signing, Ok(2));
    assert_eq!(
        (scene.state(1), scene.state(2)),
        (State::Old, State::Active)
    );
    assert_eq!(scene.step(), record(1, Event::Superseded, at(DAY * 4)));
    assert_eq!(
        scene.bundle(),
        ["two", "one"],
        "until the last leaf has expired"
    );
    let later = DAY * 5 + HOUR;
    let scene = scene.at(later);
    assert_eq!(scene.state(1), State::Expired);
    assert_eq!(scene.bundle(), ["two"]);
}

#[test]
fn an_old_root_stays_for_the_certificates_of_cas_below_it() {
    let mut before = active();
    before.lifetimes.ca = Some(DAY * 30);
    before.superseded = Some(at(DAY * 4));
    let mut next = published_second();
    next.activated = Some(at(DAY * 4));
    let scene = Scene::new([before, next]).key("k2").at(DAY * 33);
    assert_eq!(scene.bundle(), ["two", "one"]);
}

/// Git may take back what it asked for before it happened.
#[test]
fn a_generation_that_is_no_longer_wanted_is_abandoned() {
    for next in [requested(2, "k2"), second(), published_second()] {
        let scene = Scene::new([active(), next]).at(DAY * 2);
        assert_eq!(scene.step(), record(2, Event::Abandoned, at(DAY * 2)));
    }
    let mut abandoned = published_second();
    abandoned.superseded = Some(at(DAY * 2));
    let scene = Scene::new([active(), abandoned]).at(DAY * 2);
    assert_eq!((scene.state(2), scene.step()), (State::Expired, None));
    assert_eq!(
        scene.bundle(),
        ["one"],
        "nothing was granted under its root"
    );
}

#[test]
fn a_revoked_key_stops_signing_and_its_successor_does_not_wait() {
    let revoked = |spec: &mut Spec| spec.revoked = ["k1".to_owned()].into();
    let scene = Scene::new([active()]).spec(revoked).at(DAY);
    assert_eq!(scene.state(1), State::Revoked);
    assert_eq!(scene.plan().signing, Err(NotSigning::NotActive));
    assert_eq!(scene.plan().stuck, Some(Stuck::KeyRevoked("k1".to_owned())));
    assert_eq!(scene.step(), None);

    let scene = Scene::new([active(), published_second()])
        .spec(revoked)
        .key("k2")
        .at(DAY * 2);
    assert_eq!(scene.step(), record(2, Event::Activated, at(DAY * 2)));
}

#[test]
fn a_self_signed_root_over_a_revoked_key_leaves_and_its_successor_enters_in_one_write() {
    let mut own = active();
    own.certified.as_mut().unwrap().root.ca.1 = "k1".to_owned();
    let revoked = |spec: &mut Spec| spec.revoked = ["k1".to_owned()].into();
    let scene = Scene::new([own, second()]).spec(revoked).key("k2").at(DAY);
    assert_eq!(scene.bundle(), ["two"]);
}

#[test]
fn a_parents_root_leaves_with_the_last_generation_that_needs_it() {
    let revoked = |spec: &mut Spec| spec.revoked = ["k1".to_owned()].into();
    let mut next = second();
    next.certified.as_mut().unwrap().root = root("one");
    let scene = Scene::new([active(), next]).spec(revoked).key("k2").at(DAY);
    assert_eq!(scene.bundle(), ["one"]);
    let scene = Scene::new([active()]).spec(revoked).key("k2").at(DAY);
    assert_eq!(scene.bundle(), [""; 0]);
}

#[test]
fn a_renewal_keeps_key_and_purpose_and_is_due_before_the_end() {
    let scene = Scene::new([active()]);
    assert_eq!(scene.plan().wake, Some(at(DAY * 100 - DAY * 100 / 3)));
    let scene = scene.at(DAY * 67);
    let Some(Step::Create(new)) = scene.step() else {
        panic!("{:?}", scene.step())
    };
    assert_eq!((new.key.as_str(), new.purpose), ("k1", active().purpose));
}

#[test]
fn a_renewal_that_ends_no_later_is_abandoned_and_tried_again_after_a_wait() {
    let mut renewal = Generation {
        certified: Some(certified("ca-2", "one", Duration::ZERO)),
        ..requested(2, "k1")
    };
    let scene = Scene::new([active(), renewal.clone()]).at(DAY * 67);
    let end = at(DAY * 100);
    assert_eq!(scene.plan().waits, Some(Wait::Useless { not_after: end }));
    assert_eq!(scene.step(), record(2, Event::Abandoned, at(DAY * 67)));
    renewal.superseded = Some(at(DAY * 67));
    let scene = Scene::new([active(), renewal]).at(DAY * 67);
    assert_eq!(scene.step(), None);
    let retry = scene.plan().wake.unwrap();
    assert!(retry > at(DAY * 67) && retry < at(DAY * 70), "{retry}");
}

#[test]
fn another_name_for_the_same_key_takes_over_its_certificate() {
    let mut scene = Scene::new([active()]);
    "alias".clone_into(&mut scene.spec.key_name);
    let Some(Step::Create(new)) = scene.step() else {
        panic!("{:?}", scene.step())
    };
    assert_eq!((new.key.as_str(), new.copy_of), ("k1", Some(1)));
    assert_eq!(new.purpose.key_name, "alias");
}

/// Its copy would be of no use, and would be made over and over.
#[test]
fn another_name_for_the_same_key_renews_a_certificate_that_has_ended() {
    let mut scene = Scene::new([active()]).at(DAY * 101);
    "alias".clone_into(&mut scene.spec.key_name);
    let Some(Step::Create(new)) = scene.step() else {
        panic!("{:?}", scene.step())
    };
    assert_eq!((new.key.as_str(), new.copy_of), ("k1", None));
}

#[test]
fn a_requested_rotation_is_answered_once() {
    let request = |spec: &mut Spec| spec.request_id = Some("a".to_owned());
    let scene = Scene::new([active()]).spec(request);
    assert!(matches!(scene.step(), Some(Step::Create(_))));
    let mut answered = active();
    answered.purpose.request_id = Some("a".to_owned());
    assert_eq!(Scene::new([answered.clone()]).spec(request).step(), None);
    assert_eq!(
        Scene::new([answered]).step(),
        None,
        "it was taken out again"
    );
}

#[test]
fn a_rollback_signs_with_an_earlier_key_and_certificate_in_a_new_generation() {
    let mut before = active();
    before.superseded = Some(at(DAY * 4));
    let mut current = published_second();
    current.activated = Some(at(DAY * 4));
    let back = |spec: &mut Spec| spec.rollback_to = Some("ca-1".to_owned());
    let scene = Scene::new([before.clone(), current.clone()])
        .key("k2")
        .spec(back)
        .at(DAY * 5);
    let Some(Step::Create(new)) = scene.step() else {
        panic!("{:?}", scene.step())
    };
    assert_eq!(
        (new.number, new.key.as_str(), new.copy_of),
        (3, "k1", Some(1))
    );
    let rolled_back = Generation {
        number: 3,
        purpose: new.purpose,
        published: Some(at(DAY * 5)),
        activated: Some(at(DAY * 5)),
        superseded: None,
        ..before.clone()
    };
    current.superseded = Some(at(DAY * 5));
    let scene = Scene::new([before, current, rolled_back])
        .key("k2")
        .spec(back)
        .at(DAY * 5);
    assert_eq!((scene.plan().signing, scene.step()), (Ok(3), None));
    let forward = scene.spec(|spec| spec.rollback_to = None);
    assert!(
        matches!(forward.step(), Some(Step::Create(_))),
        "{:?}",
        forward.step()
    );
}

/// A renewal has another certificate than the one that was gone back to, which then expires.
#[test]
fn a_rollback_is_renewed_and_stays_when_its_certificate_has_expired() {
    let back = |spec: &mut Spec| spec.rollback_to = Some("ca-1".to_owned());
    let mut before = active();
    before.superseded = Some(at(DAY));
    let mut rolled_back = Generation {
        number: 2,
        superseded: None,
        ..before.clone()
    };
    rolled_back.purpose.rollback_to = Some("ca-1".to_owned());
    let scene = Scene::new([before.clone(), rolled_back.clone()]).key("k2");
    let scene = scene.spec(back).at(DAY * 67);
    let Some(Step::Create(new)) = scene.step() else {
        panic!("{:?}", scene.step())
    };
    assert_eq!((new.key.as_str(), new.copy_of), ("k1", None));
    let renewal = Generation {
        number: 3,
        certified: Some(certified("ca-3", "one", DAY * 67)),
        activated: Some(at(DAY * 68)),
        ..rolled_back.clone()
    };
    rolled_back.superseded = Some(at(DAY * 68));
    for days in [68, 101] {
        let all = [before.clone(), rolled_back.clone(), renewal.clone()];
        let scene = Scene::new(all).key("k2").spec(back).at(DAY * days);
        assert_eq!(
            (scene.step(), scene.plan().signing),
            (None, Ok(3)),
            "{days}"
        );
        assert_eq!(scene.plan().ignored, []);
    }
}

#[test]
fn commands_that_name_nothing_are_reported() {
    let scene = Scene::new([active()]).spec(|spec| {
        spec.activate = Some("x".to_owned());
        spec.rollback_to = Some("y".to_owned());
    });
    let expected = [
        commands::Ignored::Activate("x".to_owned()),
        commands::Ignored::RollbackTo("y".to_owned()),
    ];
    assert_eq!(scene.plan().ignored, expected);
    assert_eq!(scene.plan().signing, Ok(1));
}

#[test]
fn a_suspended_issuer_neither_signs_nor_activates() {
    let scene = Scene::new([active(), published_second()])
        .key("k2")
        .at(DAY * 40)
        .spec(|spec| spec.suspend = true);
    assert_eq!(scene.plan().signing, Err(NotSigning::Suspended));
    assert_eq!(
        (scene.step(), scene.plan().waits),
        (None, Some(Wait::Suspended))
    );
    assert_eq!(scene.bundle(), ["one", "two"]);
}

#[test]
fn an_expired_intermediate_leaves_its_root_in_the_bundle_for_its_successor() {
    let scene = Scene::new([active()]).at(DAY * 101);
    assert_eq!(
        scene.plan().signing,
        Err(NotSigning::Expired(at(DAY * 100)))
    );
    assert_eq!(scene.bundle(), ["one"]);
    assert!(matches!(scene.step(), Some(Step::Create(_))));
}

#[test]
fn only_the_last_generations_that_ended_are_kept() {
    let ended = |number| Generation {
        superseded: Some(at(DAY)),
        ..requested(number, "k0")
    };
    let current = Generation {
        number: 9,
        ..active()
    };
    let scene = Scene::new((1..=3).map(ended).chain([current.clone()])).at(DAY * 2);
    assert_eq!(scene.step(), None);
    let scene = Scene::new((1..=4).map(ended).chain([current])).at(DAY * 2);
    assert_eq!(scene.step(), Some(Step::Delete(1)));
}

/// A restore may bring back objects without the last ones.
#[test]
fn a_number_that_any_trace_has_is_not_used_again() {
    let scene = Scene::new([active()]).key("k2");
    let situation = Situation {
        highest_number: 7,
        ..scene.situation()
    };
    let Some(Step::Create(new)) = plan(&situation).step else {
        panic!()
    };
    assert_eq!(new.number, 8);
}
