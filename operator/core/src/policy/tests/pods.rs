//! Requests for pods (PCR-2 to PCR-6).

use std::sync::Arc;
use std::time::Duration;

use super::identity::OWN;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::no_name;
use crate::fixtures::key::{Key, Kind as KeyKind};
use crate::fixtures::request::{
    decision_by, denied, granted, plain, request, spiffe, with_ca, with_duration,
};
use crate::policy::{Decision, Issuer, IssuerPolicy, Kind, LifetimeLimits, Shortening};
use crate::reason::Reason;
use crate::request::{Api, BareKey, POD_KEY_TYPES, Pod, RawRequest, Reference};

const HOUR: u64 = 3600;

fn pod() -> Pod {
    Pod {
        namespace: "shop".to_owned(),
        name: "web-0".to_owned(),
        uid: "pod-1".to_owned(),
        service_account: "web".to_owned(),
        mounted_key_types: vec!["ECDSAP256".to_owned()],
        ..Pod::default()
    }
}

fn of(pod: Pod, key: Key) -> RawRequest {
    let stub = CsrParts {
        key,
        ..CsrParts::names(&[]).and_subject(no_name())
    };
    RawRequest {
        api: Api::PodCertificateRequest,
        namespace: Some(pod.namespace.clone()),
        requester: Arc::default(),
        csr: stub.der(),
        pod: Some(pod),
        ..with_duration(request(&stub), 24 * HOUR)
    }
}

fn stub(pod: Pod) -> RawRequest {
    of(pod, Key::p256(7))
}

fn within(max: u64, shortening: Shortening) -> IssuerPolicy {
    IssuerPolicy {
        lifetimes: LifetimeLimits {
            max_leaf: Some(Duration::from_secs(max)),
            shortening,
            ..LifetimeLimits::default()
        },
        ..spiffe()
    }
}

#[test]
fn pcr_6_a_pod_gets_the_id_of_its_service_account_and_nothing_else() {
    let grant = granted(stub(pod()), &with_ca(spiffe(), 0));
    assert_eq!(grant.kind, Kind::Leaf);
    assert_eq!(grant.subject_der, no_name());
    let names = grant.subject_alt_names.as_ref().unwrap();
    assert_eq!(names.uris(), [OWN]);
    assert_eq!((names.dns().len(), names.others()), (0, 0));
}

#[test]
fn a_pod_of_the_service_account_of_cert_manager_gets_its_own_id() {
    let cert_manager = Pod {
        namespace: "cert-manager".to_owned(),
        service_account: "cert-manager".to_owned(),
        ..pod()
    };
    let grant = granted(stub(cert_manager), &spiffe());
    let id = grant.spiffe_id.as_ref().unwrap().to_string();
    assert_eq!(id, "spiffe://example.org/ns/cert-manager/sa/cert-manager");
}

#[test]
fn pcr_2_a_bare_key_with_its_proof_is_granted() {
    let key = Key::new(KeyKind::Ed25519, 9);
    let bare = Pod {
        bare_key: Some(BareKey {
            spki: key.public().spki_der().to_vec(),
            proof: key.sign(b"pod-1"),
        }),
        mounted_key_types: vec!["ED25519".to_owned()],
        ..pod()
    };
    let without_csr = |pod: Pod| RawRequest {
        csr: Vec::new(),
        ..stub(pod)
    };
    let grant = granted(without_csr(bare.clone()), &spiffe());
    assert_eq!(&grant.public_key, key.public());
    let of_another_pod = Pod {
        uid: "pod-2".to_owned(),
        ..bare
    };
    let denial = denied(without_csr(of_another_pod), &spiffe());
    assert_eq!(denial.reason, Reason::InvalidSignature);
}

/// A user who may create requests names a real pod and their own key.
#[test]
fn a_pod_that_mounts_no_such_certificate_gets_none() {
    let without = Pod {
        mounted_key_types: Vec::new(),
        ..pod()
    };
    let with_other_type = Pod {
        mounted_key_types: vec!["RSA3072".to_owned(), "ED25519".to_owned()],
        ..pod()
    };
    for (pod, part) in [
        (
            without,
            "the Pod web-0 mounts no certificate of this signer",
        ),
        (with_other_type, r#"with keyType "RSA3072", "ED25519""#),
    ] {
        let denial = denied(stub(pod), &spiffe());
        assert_eq!(denial.reason, Reason::PodNotAllowed);
        assert!(denial.message.contains(part), "{}", denial.message);
    }
}

#[test]
fn pcr_4_a_key_that_is_not_of_a_type_of_the_api_is_unsupported() {
    let mounts_all = Pod {
        mounted_key_types: POD_KEY_TYPES.map(str::to_owned).to_vec(),
        ..pod()
    };
    let denial = denied(of(mounts_all, Key::new(KeyKind::Rsa2048, 1)), &spiffe());
    assert_eq!(denial.reason, Reason::UnsupportedKey);
    assert!(denial.message.contains("RSA3072"), "{}", denial.message);
}

#[test]
fn an_issuer_without_a_trust_domain_has_no_name_for_a_pod() {
    let denial = denied(stub(pod()), &plain());
    assert_eq!(denial.reason, Reason::InvalidName);
    assert!(denial.message.contains("spec.spiffe"), "{}", denial.message);
}

#[test]
fn an_issuer_of_another_namespace_refuses_a_pod() {
    let of_namespace = |namespace: &str| IssuerPolicy {
        namespace: Some(namespace.to_owned()),
        ..spiffe()
    };
    assert!(
        granted(stub(pod()), &of_namespace("shop"))
            .spiffe_id
            .is_some()
    );
    let denial = denied(stub(pod()), &of_namespace("till"));
    assert_eq!(denial.reason, Reason::IdentityNotAllowed);
    assert!(
        denial.message.contains("Pod shop/web-0"),
        "{}",
        denial.message
    );
}

/// Whatever the state of the issuer: its message is for its own namespace.
#[test]
fn an_issuer_of_another_namespace_that_is_not_ready_shows_nothing_of_it() {
    let elsewhere = RawRequest {
        reference: Reference::Denied {
            namespace: "till".to_owned(),
            name: "ca".to_owned(),
        },
        ..stub(pod())
    };
    let not_ready = Issuer::NotReady {
        name: "Issuer till/ca",
        message: "secret",
    };
    let Decision::Deny(denial) = decision_by(elsewhere, not_ready) else {
        panic!("not denied");
    };
    assert_eq!(denial.reason, Reason::DeniedReference);
    assert!(!denial.message.contains("secret"), "{}", denial.message);
}

#[test]
fn pcr_4_user_annotations_are_denied_with_the_reason_of_the_api() {
    let annotated = stub(Pod {
        user_annotations: vec!["example.org/dns-names".to_owned()],
        ..pod()
    });
    let denial = denied(annotated, &spiffe());
    assert_eq!(denial.reason.as_str(), "InvalidUnverifiedUserAnnotations");
    let part = r#""example.org/dns-names""#;
    assert!(denial.message.contains(part), "{}", denial.message);
}

#[test]
fn pcr_14_a_lifetime_is_capped_by_the_profile_and_never_below_an_hour() {
    let day = with_duration(stub(pod()), 24 * HOUR);
    let short = Shortening::AtLeast(Duration::from_secs(600));
    let grant = granted(day.clone(), &within(2 * HOUR, short));
    assert_eq!(grant.duration, Duration::from_secs(2 * HOUR));
    let denial = denied(day.clone(), &within(HOUR - 1, short));
    assert_eq!(denial.reason, Reason::UnsupportedByApi);
    for (profile, expected) in [
        (short, Shortening::AtLeast(Duration::from_secs(HOUR))),
        (Shortening::Never, Shortening::Never),
        (
            Shortening::AtLeast(Duration::from_secs(2 * HOUR)),
            Shortening::AtLeast(Duration::from_secs(2 * HOUR)),
        ),
    ] {
        let grant = granted(day.clone(), &within(24 * HOUR, profile));
        assert_eq!(grant.shortening, expected);
    }
}
