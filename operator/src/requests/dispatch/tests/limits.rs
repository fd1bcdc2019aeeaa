//! How many requests are reconciled at once, and whose.

use std::time::Duration;

use serde_json::json;
use signet_keys::TenantLimit;
use tokio::time::Instant;

use super::super::WITHOUT_KEY;
use super::bed::{Bed, approved, object};

const SECOND: Duration = Duration::from_secs(1);

/// One signature per second of each namespace, after so many at once.
fn per_second(burst: u32) -> Option<TenantLimit> {
    Some(TenantLimit {
        per_second: 1,
        burst,
    })
}

/// A request to an issuer that does not exist.
async fn add_to_none(bed: &Bed, number: usize) {
    let reference = json!({
        "group": "signet.dev", "kind": "ClusterIssuer", "name": format!("none-{number}"),
    });
    let spec = json!({ "issuerRef": reference });
    let name = format!("lost-{number}");
    bed.put(object("many", &name, "1", &spec, &approved()))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_used_up_its_rate_is_served_in_time_and_delays_no_other() {
    let mut bed = Bed::new(8, per_second(1));
    let start = Instant::now();
    for (namespace, name) in [("a", "a1"), ("a", "a2"), ("b", "b1")] {
        bed.add(namespace, name).await;
    }
    for (name, after) in [("a1", 0), ("b1", 0), ("a2", 1)] {
        let write = bed.write().await;
        assert_eq!(write.name(), name);
        assert_eq!(start.elapsed().as_secs(), after);
        write.finish();
    }
    bed.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_deleted_in_the_queue_takes_nothing_of_the_rate() {
    let mut bed = Bed::new(1, per_second(2));
    let start = Instant::now();
    bed.add("a", "a1").await;
    let write = bed.write().await;
    bed.add("a", "a2").await;
    bed.delete("a", "a2");
    bed.add("a", "a3").await;
    write.finish();
    let write = bed.write().await;
    assert_eq!(write.name(), "a3");
    assert!(start.elapsed() < SECOND);
    write.finish();
    bed.stop().await;
}

#[tokio::test]
async fn a_request_that_was_recreated_in_the_queue_goes_to_its_new_issuer() {
    let mut bed = Bed::new(1, None);
    bed.add("many", "web").await;
    let write = bed.write().await;
    bed.add("many", "lost-1").await;
    bed.delete("many", "lost-1");
    add_to_none(&bed, 1).await;
    write.finish();
    let write = bed.write().await;
    assert_eq!((write.name(), write.reason()), ("lost-1", "Pending"));
    write.finish();
    bed.stop().await;
}

/// Each name is one of an issuer that does not exist.
#[tokio::test]
async fn requests_without_a_key_have_one_limit_and_delay_no_issuer_with_one() {
    let mut bed = Bed::new(1, None);
    for number in 0..WITHOUT_KEY + 10 {
        add_to_none(&bed, number).await;
    }
    let mut writes = Vec::new();
    for _ in 0..WITHOUT_KEY {
        writes.push(bed.write().await);
    }
    assert!(writes.iter().all(|write| write.reason() == "Pending"));
    bed.add("shop", "web").await;
    let write = bed.write().await;
    assert_eq!((write.name(), write.reason()), ("web", "Issued"));
    writes.push(write);
    for write in writes {
        write.finish();
    }
    for _ in 0..10 {
        let write = bed.write().await;
        assert_eq!(write.reason(), "Pending");
        write.finish();
    }
    bed.stop().await;
}

#[tokio::test]
async fn an_issuer_that_gets_a_key_does_not_wait_for_those_without_one() {
    let mut bed = Bed::new(1, None);
    for number in 0..WITHOUT_KEY {
        add_to_none(&bed, number).await;
    }
    bed.set_not_ready();
    let web = bed.add("shop", "web").await;
    let mut writes = Vec::new();
    for _ in 0..WITHOUT_KEY {
        writes.push(bed.write().await);
    }
    bed.set_ready();
    bed.wake(&web).await;
    let write = bed.write().await;
    assert_eq!((write.name(), write.reason()), ("web", "Issued"));
    writes.push(write);
    for write in writes {
        write.finish();
    }
    bed.stop().await;
}
