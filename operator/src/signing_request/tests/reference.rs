use serde_json::json;

use super::super::reference::review;
use super::with_spec;
use crate::fixtures::shop_ca;

#[test]
fn a5_37_the_review_is_about_the_requester_and_this_issuer_alone() {
    let object = with_spec(&json!({ "signerName": "issuers.signet.dev/shop.ca" }));
    assert_eq!(
        json!(review(&object.spec, &shop_ca()).spec),
        json!({
            "user": "alice",
            "uid": "alice-1",
            "groups": ["staff"],
            "extra": { "scopes": ["a", "b"] },
            "resourceAttributes": {
                "group": "signet.dev",
                "resource": "signers",
                "verb": "reference",
                "namespace": "shop",
                "name": "ca",
            },
        })
    );
}
