//! Every verdict.

use super::*;

const DELAY: Duration = Duration::from_secs(300);
const SINCE: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn earlier(trace: Trace, fingerprint: &str) -> Earlier {
    Earlier {
        trace,
        fingerprint: fingerprint.to_owned(),
    }
}

/// An issuer without a generation that creates its own root.
fn first(earlier: &[Earlier]) -> Prospect<'_> {
    Prospect {
        creation: Creation::First,
        is_self_signed: true,
        earlier,
        is_offered: false,
        is_adoptable: false,
        expected_root: None,
        is_forbidden: false,
        acknowledged: None,
        delay: DELAY,
    }
}

/// The verdicts at once, just before the delay has passed, and after it.
fn verdicts(prospect: &Prospect<'_>) -> [Verdict; 3] {
    let after = DELAY.as_secs().cast_signed();
    [0, after - 1, after].map(|seconds| {
        let now = SINCE + jiff::SignedDuration::from_secs(seconds);
        prospect.verdict(Some(SINCE), now)
    })
}

fn waits_for(after: Verdict) -> [Verdict; 3] {
    let wait = Verdict::Wait(SINCE + DELAY);
    [wait.clone(), wait, after]
}

#[test]
fn a_new_issuer_creates_its_ca() {
    assert_eq!(verdicts(&first(&[])), [const { Verdict::Proceed }; 3]);
    assert!(!first(&[]).is_lost());
}

#[test]
fn every_trace_of_an_earlier_ca_holds_the_creation_of_another() {
    for trace in [
        Trace::Status,
        Trace::Bundle,
        Trace::BundleObject,
        Trace::Key,
    ] {
        let earlier = [earlier(trace, "one")];
        let prospect = first(&earlier);
        assert!(prospect.is_lost());
        assert_eq!(verdicts(&prospect), waits_for(Verdict::Lost), "{trace:?}");
    }
}

#[test]
fn a_key_that_is_gone_is_not_recreated_next_to_its_generation() {
    let earlier = [earlier(Trace::Generation, "one")];
    let mut prospect = first(&earlier);
    prospect.creation = Creation::LostKey;
    // A certificate is of no use without its key.
    prospect.is_offered = true;
    assert_eq!(verdicts(&prospect), waits_for(Verdict::Lost));
}

#[test]
fn a_loss_begins_again_after_the_ca_was_found() {
    let earlier = [earlier(Trace::Status, "one")];
    let (lost, found) = (first(&earlier), first(&[]));
    let at = |seconds| SINCE + jiff::SignedDuration::from_secs(seconds);
    assert_eq!(lost.lost_since(None, at(0)), Some(at(0)));
    assert_eq!(lost.lost_since(Some(at(0)), at(9)), Some(at(0)));
    assert_eq!(found.lost_since(Some(at(0)), at(10)), None);
    assert_eq!(lost.lost_since(None, at(11)), Some(at(11)));
}

#[test]
fn what_a_trace_or_the_source_has_for_the_key_goes_on_at_once() {
    let earlier = [earlier(Trace::Bundle, "one")];
    let adopts = Prospect {
        is_adoptable: true,
        is_forbidden: true,
        ..first(&earlier)
    };
    assert_eq!(verdicts(&adopts), [const { Verdict::Adopt }; 3]);
    assert!(!adopts.is_lost());
    let offered = Prospect {
        is_offered: true,
        is_forbidden: true,
        ..first(&earlier)
    };
    assert_eq!(verdicts(&offered), [const { Verdict::Proceed }; 3]);
}

/// The acknowledgement of an earlier loss may still be in Git when a cluster is restored.
#[test]
fn an_acknowledged_loss_starts_over_after_the_delay() {
    let earlier = [
        earlier(Trace::Status, "ca"),
        earlier(Trace::BundleObject, "root"),
    ];
    for (acknowledged, after) in [
        ("ca", Verdict::Proceed),
        ("root", Verdict::Proceed),
        ("other", Verdict::Lost),
    ] {
        let prospect = Prospect {
            acknowledged: Some(acknowledged),
            ..first(&earlier)
        };
        assert_eq!(verdicts(&prospect), waits_for(after));
    }
}

#[test]
fn the_first_observation_of_a_loss_only_begins_the_delay() {
    let earlier = [earlier(Trace::Key, "one")];
    let prospect = Prospect {
        acknowledged: Some("one"),
        ..first(&earlier)
    };
    assert_eq!(prospect.verdict(None, SINCE), Verdict::Wait(SINCE + DELAY));
}

#[test]
fn forbidden_creation_refuses_first_cas_and_new_roots_and_nothing_else() {
    for (creation, verdict) in [
        (Creation::Nothing, Verdict::Proceed),
        (Creation::First, Verdict::Forbidden),
        (Creation::LostKey, Verdict::Forbidden),
        (Creation::NewRoot, Verdict::Forbidden),
    ] {
        let prospect = Prospect {
            creation,
            is_forbidden: true,
            ..first(&[])
        };
        assert_eq!(prospect.verdict(None, SINCE), verdict, "{creation:?}");
    }
}

/// Only an acknowledgement together with permission starts over.
#[test]
fn an_acknowledged_loss_does_not_overrule_forbidden_creation() {
    let earlier = [earlier(Trace::Bundle, "one")];
    let prospect = Prospect {
        acknowledged: Some("one"),
        is_forbidden: true,
        ..first(&earlier)
    };
    assert_eq!(verdicts(&prospect), waits_for(Verdict::Forbidden));
}

#[test]
fn no_new_root_is_the_expected_one() {
    for (is_self_signed, verdict) in [
        (true, Verdict::NoExpectedRoot),
        // The root above an intermediate is known when it is offered.
        (false, Verdict::Proceed),
    ] {
        let prospect = Prospect {
            expected_root: Some("root"),
            is_self_signed,
            ..first(&[])
        };
        assert_eq!(prospect.verdict(None, SINCE), verdict);
    }
}

#[test]
fn a_root_is_expected_by_its_fingerprint_or_as_a_renewal_of_the_expected_one() {
    let root = |fingerprint: &str, key: &str| Root {
        fingerprint: fingerprint.to_owned(),
        ca: ("subject".to_owned(), key.to_owned()),
        not_after: SINCE,
        size: 900,
    };
    let (pinned, renewed, other) = (root("1", "k"), root("2", "k"), root("3", "other"));
    assert!(is_expected(&other, None, &[]));
    assert!(is_expected(&pinned, Some("1"), &[]));
    assert!(!is_expected(&renewed, Some("1"), &[]), "not known here");
    assert!(is_expected(&renewed, Some("1"), &[&pinned]));
    assert!(!is_expected(&other, Some("1"), &[&pinned]));
}
