//! Who has no SPIFFE ID, and which names and issuers have none.

use std::sync::Arc;

use super::identity::{OWN, by, id, in_namespace, refused};
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::uri;
use crate::fixtures::request::{
    account, denied, granted, plain, request, request_for_certificate, requester, spiffe,
};
use crate::policy::IssuerPolicy;
use crate::request::RawRequest;
use crate::spiffe::TrustDomain;

#[test]
fn rejects_requesters_that_are_not_service_accounts() {
    let usernames = [
        "alice",
        "",
        "system:node:node-1",
        "system:serviceaccount:shop",
        "system:serviceaccount:shop:",
        "system:serviceaccount::web",
        "system:serviceaccount:shop:web:x",
        "system:serviceaccount:x:shop:web",
        "system:serviceaccount:cert-manager:cert-manager:x",
        "oidc:system:serviceaccount:shop:web",
        "System:ServiceAccount:shop:web",
    ];
    for username in usernames {
        refused(by(username), &spiffe(), "is not a ServiceAccount");
        // The URI that the requester lists changes nothing.
        let listed = request(&CsrParts::names(&[uri(OWN)]));
        refused(
            RawRequest {
                requester: requester(username),
                ..listed
            },
            &spiffe(),
            "is not a ServiceAccount",
        );
    }
}

#[test]
fn a_username_of_a_service_account_without_its_groups_gets_no_identity() {
    for csr in [CsrParts::nameless(), CsrParts::names(&[uri(OWN)])] {
        let mut forged = request(&csr);
        Arc::make_mut(&mut forged.requester).groups.clear();
        refused(forged, &spiffe(), "is not in the group");
    }
}

#[test]
fn sid_4_rejects_a_name_that_is_not_a_path_segment() {
    for username in [
        "system:serviceaccount:shop:a/b",
        "system:serviceaccount:..:web",
        "system:serviceaccount:shop:ä",
    ] {
        refused(
            by(username),
            &spiffe(),
            "the requester's name cannot be part of a SPIFFE ID",
        );
    }
}

#[test]
fn sid_6_rejects_an_id_of_more_than_2048_bytes() {
    let fixed = "spiffe://example.org/ns/shop/sa/".len();
    let fits = "a".repeat(2048 - fixed);
    assert_eq!(
        id(by(&format!("system:serviceaccount:shop:{fits}")), &spiffe()).len(),
        2048
    );
    refused(
        by(&format!("system:serviceaccount:shop:{fits}a")),
        &spiffe(),
        "at most 2048 bytes",
    );
    let listed = format!("spiffe://example.org/ns/shop/{fits}aaaa");
    let long = request_for_certificate(&CsrParts::names(&[uri(&listed)]));
    let denial = denied(long, &spiffe());
    assert!(
        denial.message.contains("at most 2048 bytes"),
        "{}",
        denial.message
    );
    assert!(
        denial.message.len() < 500,
        "a stranger's text is not repeated in full"
    );
}

#[test]
fn a_namespaced_issuer_is_limited_to_its_own_namespace() {
    let of = |namespace: &str| IssuerPolicy {
        namespace: Some(namespace.to_owned()),
        ..spiffe()
    };
    assert_eq!(id(request(&CsrParts::nameless()), &of("shop")), OWN);
    for namespace in ["till", "shop-evil", "sho", "Shop"] {
        refused(
            request(&CsrParts::nameless()),
            &of(namespace),
            "use a ClusterIssuer",
        );
    }
    // cert-manager itself lives elsewhere; what counts is whom it asks for.
    granted(request_for_certificate(&CsrParts::nameless()), &of("shop"));
    refused(
        request_for_certificate(&CsrParts::nameless()),
        &of("till"),
        "use a ClusterIssuer",
    );
}

#[test]
fn a_plain_private_ca_carries_any_uri() {
    let csr = CsrParts::names(&[uri("https://a.example"), uri("spiffe://any/where")]);
    let grant = granted(
        RawRequest {
            requester: requester("alice"),
            ..request(&csr)
        },
        &plain(),
    );
    assert_eq!(grant.spiffe_id, None);
    assert_eq!(
        grant.subject_alt_names.as_ref().unwrap().der(),
        csr.names.unwrap()
    );
}

#[test]
fn recognizes_the_configured_cert_manager_account() {
    let own = IssuerPolicy {
        cert_manager: account("tools", "cm"),
        ..spiffe()
    };
    let certificate = |username: &str| RawRequest {
        requester: requester(username),
        ..request_for_certificate(&CsrParts::nameless())
    };
    assert_eq!(
        id(certificate("system:serviceaccount:tools:cm"), &own),
        "spiffe://example.org/ns/shop/certificate/tls"
    );
    // The default one is then a ServiceAccount like any other.
    let default = certificate("system:serviceaccount:cert-manager:cert-manager");
    refused(
        default.clone(),
        &own,
        "cert-manager/cert-manager made this request in namespace shop",
    );
    assert_eq!(
        id(in_namespace(default, "cert-manager"), &own),
        "spiffe://example.org/ns/cert-manager/sa/cert-manager"
    );
}

#[test]
fn sid_3_accepts_a_trust_domain_that_looks_like_an_address() {
    let trust_domain = TrustDomain::parse("10.0.0.1").unwrap();
    let rules = IssuerPolicy {
        trust_domain: Some(trust_domain),
        ..spiffe()
    };
    assert_eq!(
        id(request(&CsrParts::nameless()), &rules),
        "spiffe://10.0.0.1/ns/shop/sa/web"
    );
}
