//! The pure parts: names, adoption, what a status says, and circles.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::runtime::reflector;
use serde_json::json;
use signet_api::external::certificate_request::CertificateRequest;
use signet_api::{IssuerKind, IssuerRef};
use signet_core::issue::Csr;

use super::above::Above;
use super::name::{RequestName, prefix};
use super::verdict::{Verdict, read};
use super::{Account, Family, IssuerAbove, cycle, request};
use crate::context::Issuers;
use crate::fixtures::{NOW, at, corp, csr, issuer, mesh_ca, shop_ca, spec};
use crate::issuer_name::IssuerName;

fn own_csr(name: &str) -> Csr {
    let pem = csr::pem(name, &[]);
    Csr::from_pem(str::from_utf8(&pem).unwrap()).unwrap()
}

fn parent() -> IssuerRef {
    serde_json::from_value(json!({ "name": "root" })).unwrap()
}

#[test]
fn a_name_is_read_back_and_says_whose_it_is() {
    let csr = own_csr("ca");
    let long = issuer("shop", &"long.".repeat(40));
    for issuer in [corp(), shop_ca(), mesh_ca(), long] {
        let name = RequestName::new(7, 3, &csr);
        let shown = name.for_issuer(&issuer);
        assert!(shown.len() <= 63, "{shown}");
        assert!(shown.contains("-7-3-"), "{shown}");
        assert!(name.is_for(&csr) && !name.is_for(&own_csr("other")));
        assert_eq!(RequestName::parse(&issuer, &shown), Some(name));
        assert!(shown.starts_with(&prefix(&issuer)));
    }
}

#[test]
fn a_name_depends_on_the_csr() {
    let name = |csr: &Csr| RequestName::new(1, 1, csr).for_issuer(&corp());
    assert_eq!(name(&own_csr("ca")).len(), name(&own_csr("b")).len());
    assert_ne!(name(&own_csr("ca")), name(&own_csr("b")));
}

#[test]
fn the_names_of_others_are_not_read() {
    let hash = "0123456789";
    for name in [
        format!("clusterissuer-corp-1-1-1-{hash}"),
        format!("clusterissuer-corp-01-1-{hash}"),
        format!("clusterissuer-corp-1-+1-{hash}"),
        format!("clusterissuer-corporate-1-1-{hash}"),
        format!("issuer-corp-1-1-{hash}"),
        format!("clusterissuer-corp-4294967296-1-{hash}"),
        "clusterissuer-corp-1-1-0123".to_owned(),
        "clusterissuer-corp-1-1".to_owned(),
    ] {
        assert_eq!(RequestName::parse(&corp(), &name), None, "{name}");
    }
}

fn object(csr: &Csr) -> CertificateRequest {
    let name = RequestName::new(1, 1, csr);
    request::new(&corp(), "uid-1", &name, (&parent(), csr))
}

#[test]
fn a_request_says_everything_that_approvers_and_parents_read() {
    let object = object(&own_csr("ca"));
    let spec = json!(object.spec);
    assert_eq!(spec["isCA"], true);
    assert_eq!(spec["usages"], json!(["cert sign", "crl sign"]));
    assert_eq!(spec["duration"], "2160h0m0s");
    let parent = json!({ "group": "cert-manager.io", "kind": "Issuer", "name": "root" });
    assert_eq!(spec["issuerRef"], parent);
    assert_eq!(
        spec.get("username"),
        None,
        "cert-manager's webhook writes it"
    );
    let owner = &object.metadata.owner_references.unwrap()[0];
    assert_eq!((&*owner.kind, &*owner.uid), ("ClusterIssuer", "uid-1"));
    assert_eq!(owner.block_owner_deletion, None);
}

#[test]
fn a_request_is_deleted_with_its_owner() {
    let csr = own_csr("ca");
    let name = RequestName::new(1, 1, &csr);
    for owner in [corp(), shop_ca(), mesh_ca()] {
        let object = request::new(&owner, "uid-1", &name, (&parent(), &csr));
        let reference = &object.metadata.owner_references.unwrap()[0];
        let found = (&*reference.api_version, &*reference.kind, &*reference.name);
        let expected = ("signet.dev/v1alpha1", owner.kind.as_str(), &*owner.name);
        assert_eq!(found, expected);
    }
}

/// Otherwise users who may create a MeshCA would get a CA in Signet's name.
#[test]
fn a_tenants_request_is_never_made_in_the_name_of_signet() {
    let (spec, robot) = (spec("ca"), json!({ "name": "robot" }));
    for kind in [IssuerKind::Issuer, IssuerKind::MeshCA] {
        let account = |parent: &IssuerRef| {
            let above = IssuerAbove {
                spec: &spec,
                parent,
            };
            let found = above.account(kind);
            found.map(|account| assert_eq!(account, Account::ServiceAccount("robot")))
        };
        let error = account(&parent()).unwrap_err();
        let expected = format!("{kind} requires serviceAccountRef");
        assert!(error.message.contains(&expected), "{}", error.message);
        let named = IssuerRef {
            service_account_ref: serde_json::from_value(robot.clone()).unwrap(),
            ..parent()
        };
        account(&named).unwrap();
    }
}

#[test]
fn an_issuer_of_signet_above_is_one_that_signs_requests() {
    let issuers = Issuers {
        issuers: reflector::store().0,
        cluster_issuers: reflector::store().0,
        mesh_cas: reflector::store().0,
    };
    let family = Family {
        issuers: &issuers,
        cluster_resource_namespace: "signet-system",
    };
    for (kind, expected) in [
        (
            "ClusterIssuer",
            Some("the ClusterIssuer root does not exist"),
        ),
        (
            "Issuer",
            Some("the Issuer istio-system/root does not exist"),
        ),
        ("MeshCA", None),
    ] {
        let parent = IssuerRef {
            group: "signet.dev".to_owned(),
            kind: kind.to_owned(),
            ..parent()
        };
        let found = match family.above(&mesh_ca(), &parent).unwrap() {
            Above::NoBundle(why) => Some(why),
            Above::Other | Above::Bundle(_) => None,
        };
        assert_eq!(found.as_deref(), expected);
    }
}

#[test]
fn adopts_only_a_request_with_its_own_csr_for_the_same_issuer() {
    let csr = own_csr("ca");
    let changed = |change: &dyn Fn(&mut CertificateRequest)| {
        let mut object = object(&csr);
        change(&mut object);
        request::is_own(&object, &parent(), &csr)
    };
    assert!(changed(&|_| {}));
    assert!(changed(&|object| object.metadata.owner_references = None));
    let other = STANDARD.encode(own_csr("other").pem());
    assert!(!changed(&|object| object.spec.request.clone_from(&other)));
    assert!(!changed(&|object| object.spec.request.push('!')));
    assert!(!changed(
        &|object| object.spec.issuer_ref.name = "evil".to_owned()
    ));
    assert!(!changed(
        &|object| object.spec.issuer_ref.group = "x.example".to_owned()
    ));
    assert!(!changed(&|object| object.spec.is_ca = false));
    assert!(!changed(&|object| object
        .spec
        .usages
        .push("any".to_owned())));
}

fn verdict(status: serde_json::Value) -> Verdict {
    let mut object = object(&own_csr("ca"));
    object.metadata.creation_timestamp = Some(Time(at(-60)));
    object.status = Some(serde_json::from_value(status).unwrap());
    read(&object, NOW)
}

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> serde_json::Value {
    json!({
        "type": type_, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": Time(at(-10)),
    })
}

#[test]
fn a_denial_counts_before_everything_else() {
    let status = json!({
        "conditions": [
            condition("Ready", "True", "Issued", "signed"),
            condition("Approved", "True", "cert-manager.io", "yes"),
            condition("Denied", "True", "policy", "no CAs here"),
        ],
        "certificate": STANDARD.encode("x"),
    });
    let Verdict::Failed {
        message,
        at: failed,
    } = verdict(status)
    else {
        panic!("not failed");
    };
    assert_eq!(message, "was denied: \"no CAs here\"");
    assert_eq!(failed, at(-10));
}

#[test]
fn only_a_ready_request_with_a_certificate_is_issued() {
    let ready = condition("Ready", "True", "Issued", "signed");
    let pending = condition("Ready", "False", "Pending", "Vault is sealed");
    let with = |ready: &serde_json::Value| {
        let certificate = STANDARD.encode("x");
        verdict(json!({ "conditions": [ready], "certificate": certificate }))
    };
    assert!(matches!(with(&ready), Verdict::Issued(_)));
    assert!(matches!(with(&pending), Verdict::Waiting(_)));
    let empty = verdict(json!({ "conditions": [ready] }));
    assert!(matches!(empty, Verdict::Failed { .. }), "{empty:?}");
}

#[test]
fn a_request_that_waits_says_for_what() {
    let waiting = |conditions| match verdict(json!({ "conditions": conditions })) {
        Verdict::Waiting(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(waiting(json!([])), "is not approved yet");
    let approved = condition("Approved", "True", "cert-manager.io", "yes");
    let pending = condition("Ready", "False", "Pending", "Vault is sealed");
    assert_eq!(
        waiting(json!([approved, pending])),
        "is approved and not signed yet: \"Vault is sealed\""
    );
}

#[test]
fn shows_a_hostile_condition_quoted_and_short() {
    let text = format!("x\n\u{1b}[31m\"; kubectl delete{}", "a".repeat(100_000));
    let status = json!({ "conditions": [condition("Ready", "False", "Failed", &text)] });
    let Verdict::Failed { message, .. } = verdict(status) else {
        panic!("not failed");
    };
    assert!(message.len() < 1000, "{message}");
    assert!(!message.contains(['\n', '\u{1b}']), "{message}");
}

/// A time in the future would hold the next attempt back.
#[test]
fn a_hostile_time_does_not_count() {
    let mut failed = condition("Ready", "False", "Failed", "");
    failed["lastTransitionTime"] = json!("9000-01-01T00:00:00Z");
    let verdict = verdict(json!({ "conditions": [failed] }));
    assert!(
        matches!(verdict, Verdict::Failed { at, .. } if at == NOW),
        "{verdict:?}"
    );
}

fn circle(parents: &[(&str, &str)], start: &str) -> Option<Vec<String>> {
    let named = |name: &str| issuer("shop", name);
    let above = |one: &IssuerName| {
        let mut parents = parents.iter();
        let (_, parent) = parents.find(|(child, _)| *child == one.name)?;
        Some(named(parent))
    };
    let members = cycle::members(&named(start), above).unwrap()?;
    Some(members.into_iter().map(|one| one.name).collect())
}

#[test]
fn finds_a_circle_of_issuers_from_each_of_its_members() {
    let parents = [
        ("a", "b"),
        ("b", "c"),
        ("c", "a"),
        ("below", "a"),
        ("x", "root"),
    ];
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(circle(&parents, "a"), names(&["a", "b", "c"]));
    assert_eq!(circle(&parents, "c"), names(&["c", "a", "b"]));
    assert_eq!(circle(&[("a", "a")], "a"), names(&["a"]));
    assert_eq!(circle(&parents, "below"), None, "it is below the circle");
    assert_eq!(circle(&parents, "x"), None);
}

/// Each of a thousand issuers in a line would otherwise be compared with all above it, at each poll.
#[test]
fn a_tenants_line_of_a_thousand_issuers_is_not_followed_to_its_end() {
    let followed = std::cell::Cell::new(0_usize);
    let above = |one: &IssuerName| {
        followed.set(followed.get() + 1);
        let number: u32 = one.name.parse().unwrap();
        (number < 1000).then(|| issuer("shop", &(number + 1).to_string()))
    };
    let from = |start: &str| cycle::members(&issuer("shop", start), above);
    assert_eq!(from("0"), Err(cycle::TooManyAbove));
    assert!(followed.get() <= cycle::MAX_ABOVE + 1, "{followed:?}");
    assert_eq!(from("984"), Ok(None), "with as many above as are allowed");
    assert_eq!(from("983"), Err(cycle::TooManyAbove));
}
