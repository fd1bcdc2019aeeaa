//! Requests in; the order in which they are reconciled out.

use std::time::Duration;

use super::*;
use crate::fixtures::{corp, issuer};

type Requests = Queue<&'static str>;

fn start(queue: &mut Requests, issuer: &IssuerName, limit: usize) -> Option<&'static str> {
    Some(
        queue
            .start(issuer, limit, time::Instant::now(), |_| Ok(()))?
            .0,
    )
}

fn drain(queue: &mut Requests, issuer: &IssuerName, limit: usize) -> Vec<&'static str> {
    std::iter::from_fn(|| start(queue, issuer, limit)).collect()
}

fn drain_without_key(queue: &mut Requests, limit: usize) -> Vec<&'static str> {
    let turns = std::iter::from_fn(|| {
        let turn = queue.next_turn(limit)?;
        Some(queue.start_without_key(&turn))
    });
    turns.flatten().map(|(request, _)| request).collect()
}

#[test]
fn tenants_take_turns_and_the_limit_holds() {
    let mut queue = Queue::default();
    for (request, tenant) in [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b")] {
        queue.push(&request, &corp(), tenant);
    }
    assert_eq!(drain(&mut queue, &corp(), 2), ["a1", "b1"]);
    assert_eq!(start(&mut queue, &corp(), 2), None);
    assert!(!queue.finish(&"b1", &corp()));
    assert_eq!(drain(&mut queue, &corp(), 2), ["a2"]);
    // A limit that was lowered holds back what is queued, and nothing else.
    assert!(!queue.finish(&"a1", &corp()));
    assert_eq!(start(&mut queue, &corp(), 1), None);
    assert!(!queue.finish(&"a2", &corp()));
    assert_eq!(drain(&mut queue, &corp(), 0), ["a3"], "at least one");
}

#[test]
fn a_request_is_queued_once_and_reconciled_once_at_a_time() {
    let mut queue = Queue::default();
    queue.push(&"a", &corp(), "t");
    queue.push(&"a", &corp(), "t");
    assert_eq!(drain(&mut queue, &corp(), 8), ["a"]);
    queue.push(&"a", &corp(), "t");
    assert_eq!(drain(&mut queue, &corp(), 8), [""; 0]);
    assert!(queue.finish(&"a", &corp()), "it changed meanwhile");
    queue.push(&"a", &corp(), "t");
    assert_eq!(drain(&mut queue, &corp(), 8), ["a"]);
    assert!(!queue.finish(&"a", &corp()));
    assert!(queue.issuers.is_empty() && queue.requests.is_empty());
}

#[test]
fn a_tenant_that_used_up_its_rate_delays_no_other() {
    let mut queue = Queue::default();
    for (request, tenant) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
        queue.push(&request, &corp(), tenant);
    }
    let now = time::Instant::now();
    let until = now + Duration::from_secs(1);
    let mut counted = Vec::new();
    let mut next = |queue: &mut Requests, now| {
        let next = queue.start(&corp(), 8, now, |tenant| {
            counted.push(tenant.to_owned());
            if tenant == "a" { Err(until) } else { Ok(()) }
        });
        next.map(|(request, _)| request)
    };
    assert_eq!(next(&mut queue, now), Some("b1"));
    queue.push(&"a3", &corp(), "a");
    for _ in 0..3 {
        assert_eq!(next(&mut queue, now), None);
    }
    assert_eq!(counted, ["a", "b"], "once, however often others are served");
    assert_eq!(queue.paused_until(&corp()), Some(until));
    let served = queue.start(&corp(), 8, until, |_| Ok(()));
    assert_eq!(served.unwrap().0, "a1");
    assert_eq!(queue.paused_until(&corp()), None);
    assert_eq!(drain(&mut queue, &corp(), 8), ["a2", "a3"]);
}

/// No timer is set for one whose time has come, while nothing may be started.
#[test]
fn a_pause_ends_in_a_full_queue_too() {
    let mut queue = Queue::default();
    for (request, tenant) in [("a1", "a"), ("b1", "b"), ("c1", "c")] {
        queue.push(&request, &corp(), tenant);
    }
    let now = time::Instant::now();
    let at = |tenant: &str| now + Duration::from_secs(if tenant == "a" { 1 } else { 2 });
    let pause = |tenant: &str| match tenant {
        "c" => Ok(()),
        _ => Err(at(tenant)),
    };
    let started = queue.start(&corp(), 1, now, pause);
    assert_eq!(started.unwrap().0, "c1");
    assert_eq!(queue.paused_until(&corp()), Some(at("a")));
    let started = queue.start(&corp(), 1, at("b"), |_| Ok(()));
    assert_eq!(started, None);
    assert_eq!(queue.paused_until(&corp()), None);
    queue.finish(&"c1", &corp());
    assert_eq!(drain(&mut queue, &corp(), 8), ["a1", "b1"]);
}

/// A tenant may name any number of issuers, which need not exist.
#[test]
fn issuers_without_a_key_have_one_limit_which_is_fair_between_tenants() {
    let mut queue = Queue::default();
    let names: Vec<_> = (0..100)
        .map(|n| issuer("many", &format!("ca-{n}")))
        .collect();
    let requests: Vec<&'static str> = (0..300).map(|n| &*format!("many-{n}").leak()).collect();
    for (number, request) in requests.iter().enumerate() {
        let issuer = &names[number % names.len()];
        queue.push(request, issuer, "many");
        queue.lose_key(issuer);
    }
    queue.push(&"one-1", &corp(), "one");
    queue.lose_key(&corp());
    queue.push(&"one-2", &corp(), "one");
    let started = drain_without_key(&mut queue, 5);
    assert_eq!(started, ["many-0", "one-1", "many-1", "one-2", "many-2"]);
    assert_eq!(drain_without_key(&mut queue, 5), [""; 0]);
    queue.finish(&"many-0", &names[0]);
    assert_eq!(drain_without_key(&mut queue, 5), ["many-3"]);
    let rest = drain_without_key(&mut queue, 1000);
    assert_eq!(rest.len(), 296);
    for request in &requests {
        let number: usize = request["many-".len()..].parse().unwrap();
        queue.finish(request, &names[number % names.len()]);
    }
    queue.finish(&"one-1", &corp());
    queue.finish(&"one-2", &corp());
    assert!(queue.issuers.is_empty() && queue.requests.is_empty());
    assert_eq!(queue.without_key, 0);
}

#[test]
fn an_issuer_with_a_new_key_does_not_wait_for_turns() {
    let mut queue = Queue::default();
    for request in ["a1", "a2", "a3", "a4"] {
        queue.push(&request, &corp(), "a");
        queue.lose_key(&corp());
    }
    assert!(queue.awaits_key(&corp()));
    assert_eq!(drain_without_key(&mut queue, 1), ["a1"]);
    assert_eq!(
        start(&mut queue, &corp(), 1),
        Some("a2"),
        "a limit of its own"
    );
    assert!(!queue.awaits_key(&corp()));
    assert!(!queue.finish(&"a1", &corp()));
    assert_eq!(start(&mut queue, &corp(), 1), None);
    // It lost its key again.
    queue.lose_key(&corp());
    assert_eq!(drain_without_key(&mut queue, 1), ["a3"]);
    assert!(!queue.finish(&"a2", &corp()));
    assert_eq!(drain(&mut queue, &corp(), 1), ["a4"]);
}

#[test]
fn one_issuer_does_not_delay_another() {
    let mut queue = Queue::default();
    let other = issuer("shop", "ca");
    for request in ["a1", "a2", "a3"] {
        queue.push(&request, &corp(), "t");
    }
    queue.push(&"b1", &other, "t");
    assert_eq!(drain(&mut queue, &corp(), 1), ["a1"]);
    assert_eq!(drain(&mut queue, &other, 1), ["b1"]);
}
