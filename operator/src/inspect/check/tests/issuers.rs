//! Issuers, by their conditions.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::{READY, healthy, one, settings, status, with_status};
use crate::fixtures::{DAY, NOW, at, shop_ca};
use crate::inspect::check::facts::{Facts, Issuer};
use crate::inspect::check::judge;
use crate::inspect::check::report::{Details, Finding, Level};

fn add(status: &mut Value, condition: Value) {
    status["conditions"].as_array_mut().unwrap().push(condition);
}

#[test]
fn an_issuer_that_is_not_ready_has_its_reason() {
    let missing = ("False", "KeyNotFound", "the Secret corp does not exist");
    let text = "ClusterIssuer corp: KeyNotFound: the Secret corp does not exist (CA until";
    one(with_status(status(missing)), Level::Problem, text);
    let suspended = ("False", "Suspended", "remove spec.suspend");
    one(
        with_status(status(suspended)),
        Level::Warning,
        "Suspended: remove",
    );
    one(
        with_status(Value::Null),
        Level::Problem,
        "no operator has observed it",
    );
    let new = json!({ "observedGeneration": -1 });
    one(
        with_status(new),
        Level::Problem,
        "no operator has observed it",
    );
    let mut earlier = status(READY);
    earlier["observedGeneration"] = json!(0);
    one(
        with_status(earlier),
        Level::Problem,
        "the latest change of its spec",
    );
    let unreadable = |facts: &mut Facts| {
        let issuer = Issuer {
            name: shop_ca(),
            state: Err("missing field key".to_owned()),
        };
        facts.issuers[1].found = Ok(vec![issuer]);
    };
    one(
        unreadable,
        Level::Problem,
        "Issuer shop/ca: does not match the schema",
    );
    let forbidden = |facts: &mut Facts| facts.issuers[1].found = Err("forbidden".to_owned());
    one(forbidden, Level::Unknown, "Issuers: forbidden");
}

#[test]
fn a_ready_issuer_can_need_a_person() {
    let mut ending = status(READY);
    ending["ca"][0]["notAfter"] = json!(Time(at(19 * DAY)));
    let text =
        "ready; CA until 2026-09-20T12:00:00Z (in 19 days); key software/corp reachable; less than";
    one(with_status(ending), Level::Warning, text);
    let rotating = |reason: &str| {
        json!({
            "type": "Rotating", "status": "True", "reason": reason, "message": "corp-2 waits",
            "lastTransitionTime": Time(NOW),
        })
    };
    let mut waiting = status(READY);
    add(&mut waiting, rotating("WaitingForKey"));
    one(
        with_status(waiting),
        Level::Warning,
        "reachable; corp-2 waits",
    );
    let mut by_person = status(READY);
    add(&mut by_person, rotating("WaitingForCertificate"));
    by_person["csr"] = json!({ "generation": 2, "pem": "", "sha256": "0", "subjectKeyId": "1" });
    one(
        with_status(by_person),
        Level::Warning,
        "reachable; corp-2 waits",
    );
    // It passes by itself.
    let mut by_time = status(READY);
    add(&mut by_time, rotating("WaitingForActivation"));
    assert_eq!(super::bad(&[], with_status(by_time)), (vec![], 0));
    let mut unpublished = status(READY);
    add(
        &mut unpublished,
        json!({
            "type": "BundlePublished", "status": "False", "reason": "Forbidden",
            "message": "the ConfigMap cannot be written", "lastTransitionTime": Time(NOW),
        }),
    );
    let text = "Forbidden: the ConfigMap cannot be written";
    one(with_status(unpublished), Level::Warning, text);
}

#[test]
fn conditions_say_whether_a_key_is_reachable() {
    let settings = settings(&[]);
    for (ready, expected) in [
        (READY, Some(true)),
        (("False", "KeyUnreachable", "m"), Some(false)),
        (("False", "KeyThrottled", "m"), Some(false)),
        (("False", "KeyInvalidResponse", "m"), Some(false)),
        (("False", "KeyCredentialsRefused", "m"), Some(false)),
        (("False", "KeyNotFound", "m"), Some(false)),
        (("False", "KeyUnusable", "m"), Some(false)),
        (("False", "KeyRevoked", "m"), None),
        (("False", "CaExpired", "m"), None),
        (("False", "Suspended", "m"), None),
    ] {
        let mut facts = healthy(&settings);
        with_status(status(ready))(&mut facts);
        let report = judge(&settings, &facts);
        let details = report.findings().iter().filter_map(Finding::details);
        let reachable: Vec<_> = details
            .filter_map(|details| match details {
                Details::Issuer {
                    is_key_reachable, ..
                } => Some(*is_key_reachable),
                Details::Version { .. } | Details::Requests { .. } => None,
            })
            .collect();
        assert_eq!(reachable, [expected], "{ready:?}");
    }
}
