//! Requests that are woken while they are reconciled.

use serde_json::json;
use signet_api::IssuerKind;

use super::bed::{Bed, approved, object};

/// A key that recovers wakes all requests to it. The response to a write comes before the watch
/// delivers what was written, so the request seems to be due.
#[tokio::test]
async fn a_request_with_its_certificate_is_not_signed_again() {
    let mut bed = Bed::new(1, None);
    let web = bed.add("shop", "web").await;
    let write = bed.write().await;
    assert_eq!((write.name(), write.reason()), ("web", "Issued"));
    bed.wake(&web).await;
    bed.add("shop", "next").await;
    write.finish();
    let write = bed.write().await;
    assert_eq!(write.name(), "next");
    // After its end, too.
    bed.wake(&web).await;
    bed.add("shop", "last").await;
    write.finish();
    let write = bed.write().await;
    assert_eq!(write.name(), "last", "one at a time, in their order");
    write.finish();
    bed.stop().await;
}

/// The same name, and another request.
#[tokio::test]
async fn a_request_that_was_recreated_meanwhile_gets_its_own_certificate() {
    let mut bed = Bed::new(1, None);
    bed.add("shop", "web").await;
    let write = bed.write().await;
    let mut recreated = object("shop", "web", "7", &json!({}), &approved());
    recreated["metadata"]["uid"] = json!("another-uid");
    bed.put(recreated).await;
    write.finish();
    let write = bed.write().await;
    assert_eq!((write.name(), write.reason()), ("web", "Issued"));
    assert_eq!(write.uid(), "another-uid");
    write.finish();
    bed.stop().await;
}

/// It was decided without the key that its issuer has now.
#[tokio::test]
async fn a_request_that_waits_is_reconciled_again() {
    let mut bed = Bed::new(1, None);
    bed.set_not_ready();
    let web = bed.add("shop", "web").await;
    let write = bed.write().await;
    assert_eq!((write.name(), write.reason()), ("web", "Pending"));
    bed.set_ready();
    bed.wake(&web).await;
    write.finish();
    let write = bed.write().await;
    assert_eq!((write.name(), write.reason()), ("web", "Issued"));
    write.finish();
    bed.stop().await;
}

/// Before its kind was listed, an issuer only seems to be missing; and before the other kind was, it
/// is not known whether that has one of its name.
#[tokio::test]
async fn a_request_to_an_issuer_that_is_missing_is_left_alone_until_they_are_listed() {
    let mut bed = Bed::unlisted();
    let reference = json!({ "group": "signet.dev", "kind": "Issuer", "name": "corp" });
    let spec = json!({ "issuerRef": reference });
    let lost = object("shop", "lost", "1", &spec, &approved());
    let lost = bed.put(lost).await;
    for (name, kind) in [
        ("first", IssuerKind::Issuer),
        ("second", IssuerKind::ClusterIssuer),
    ] {
        bed.add("shop", name).await;
        let write = bed.write().await;
        assert_eq!((write.name(), write.reason()), (name, "Issued"));
        write.finish();
        bed.shell.context.listed(kind);
        bed.wake(&lost).await;
    }
    let write = bed.write().await;
    assert_eq!((write.name(), write.reason()), ("lost", "Pending"));
    assert!(write.message().contains("but ClusterIssuer corp does"));
    write.finish();
    bed.stop().await;
}
