//! Who may request a CA certificate.

use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{BASIC_CONSTRAINTS, hex, uri};
use crate::fixtures::request::{
    account, ca_request, denied, granted, plain, request_for_certificate, requester, spiffe,
    with_ca,
};
use crate::policy::{AllowedRequesters, CaProfile, Rules};
use crate::reason::Reason;
use crate::request::{Api, RawRequest};

const CERT_MANAGER: &str = "system:serviceaccount:cert-manager:cert-manager";

/// In a trust domain: the ServiceAccount `shop/web`, and Certificates in `shop`.
fn listed() -> Rules {
    with_ca(spiffe(), 0)
}

fn of_issuer_in(namespace: &str, rules: Rules) -> Rules {
    Rules {
        namespace: Some(namespace.to_owned()),
        ..rules
    }
}

fn with_list(rules: Rules, allowed_requesters: Option<AllowedRequesters>) -> Rules {
    Rules {
        ca: Some(CaProfile {
            path_length: 0,
            allowed_requesters,
        }),
        ..rules
    }
}

fn by(username: &str) -> RawRequest {
    RawRequest {
        requester: requester(username),
        ..ca_request(&CsrParts::default())
    }
}

fn for_certificate(namespace: &str) -> RawRequest {
    RawRequest {
        ca: true,
        namespace: Some(namespace.to_owned()),
        ..request_for_certificate(&CsrParts::default())
    }
}

fn in_namespace(namespace: Option<&str>, request: RawRequest) -> RawRequest {
    RawRequest {
        api: match namespace {
            Some(_) => Api::CertificateRequest,
            None => Api::CertificateSigningRequest,
        },
        namespace: namespace.map(str::to_owned),
        ..request
    }
}

#[track_caller]
fn not_allowed(request: RawRequest, rules: &Rules, message: &str) {
    let denial = denied(request, rules);
    assert_eq!(denial.reason, Reason::CaNotAllowed, "{}", denial.message);
    assert!(denial.message.contains(message), "{}", denial.message);
}

/// go-spiffe accepts any ID of the trust domain under such a CA.
#[test]
fn a_service_account_that_is_not_listed_cannot_get_a_ca_of_a_trust_domain() {
    let list = "spec.profile.ca.allowedRequesters";
    for username in [
        "system:serviceaccount:shop:other",
        "system:serviceaccount:shop:web2",
        "system:serviceaccount:evil:web",
        "system:serviceaccount:web:shop",
    ] {
        not_allowed(by(username), &listed(), list);
        not_allowed(in_namespace(None, by(username)), &listed(), list);
    }
    not_allowed(by("alice"), &listed(), "\"alice\" is not a ServiceAccount");
    granted(by("system:serviceaccount:shop:web"), &listed());
}

#[test]
fn a_client_certificate_with_the_username_of_a_listed_service_account_gets_no_ca() {
    let mut forged = by("system:serviceaccount:shop:web");
    forged.requester.extra = [(
        "authentication.kubernetes.io/credential-id".to_owned(),
        vec!["X509SHA256=00ff".to_owned()],
    )]
    .into();
    not_allowed(forged, &listed(), "client certificate");
}

/// SPIRE's plugin for cert-manager makes its requests in a namespace of its configuration.
#[test]
fn a_listed_service_account_may_ask_a_cluster_issuer_from_any_namespace() {
    for namespace in [Some("shop"), Some("spire"), None] {
        let request = by("system:serviceaccount:shop:web");
        granted(in_namespace(namespace, request), &listed());
    }
}

#[test]
fn an_issuer_of_a_trust_domain_denies_a_ca_outside_its_namespace() {
    let till = of_issuer_in("till", listed());
    for namespace in [Some("till"), None] {
        let request = in_namespace(namespace, by("system:serviceaccount:shop:web"));
        let denial = denied(request, &till);
        assert_eq!(denial.reason, Reason::IdentityNotAllowed);
    }
    let shop = of_issuer_in("shop", listed());
    for namespace in [Some("shop"), None] {
        let request = in_namespace(namespace, by("system:serviceaccount:shop:web"));
        granted(request, &shop);
    }
}

#[test]
fn certificates_of_the_listed_namespaces_get_a_ca() {
    granted(for_certificate("shop"), &listed());
    for other in ["till", "shop-evil", "sho", ""] {
        let message = "is not in the issuer's spec.profile.ca.allowedRequesters";
        not_allowed(for_certificate(other), &listed(), message);
    }
    // An owner reference that the requester wrote does not make it cert-manager's.
    let mut forged = for_certificate("shop");
    forged.requester = requester("system:serviceaccount:shop:other");
    not_allowed(forged, &listed(), "the ServiceAccount shop/other");
}

/// Under it, every Certificate of every namespace would get a CA.
#[test]
fn listing_cert_managers_own_account_allows_nothing() {
    let only_cert_manager = AllowedRequesters {
        service_accounts: vec![account("cert-manager", "cert-manager")],
        certificate_namespaces: Vec::new(),
    };
    for rules in [spiffe(), plain()] {
        let rules = with_list(rules, Some(only_cert_manager.clone()));
        let message = "the Certificate till/tls is not in";
        not_allowed(for_certificate("till"), &rules, message);
        let directly = in_namespace(Some("cert-manager"), by(CERT_MANAGER));
        not_allowed(directly, &rules, "something other than a Certificate");
    }
}

#[test]
fn a_trust_domain_without_a_list_denies_every_ca() {
    let rules = with_list(spiffe(), None);
    let message = "spec.profile.ca.allowedRequesters, which it does not have";
    not_allowed(by("system:serviceaccount:shop:web"), &rules, message);
    not_allowed(for_certificate("shop"), &rules, message);
    not_allowed(by("alice"), &rules, message);
}

#[test]
fn without_a_trust_domain_or_a_list_every_approved_request_gets_a_ca() {
    for request in [by("alice"), by(CERT_MANAGER), for_certificate("till")] {
        granted(request, &with_list(plain(), None));
    }
    let list = Some(AllowedRequesters {
        service_accounts: vec![account("shop", "web")],
        ..AllowedRequesters::default()
    });
    let rules = with_list(plain(), list);
    granted(by("system:serviceaccount:shop:web"), &rules);
    not_allowed(by("alice"), &rules, "\"alice\" is not a ServiceAccount");
    not_allowed(for_certificate("till"), &rules, "the Certificate till/tls");
}

#[test]
fn an_empty_list_allows_no_requester() {
    for rules in [spiffe(), plain()] {
        let rules = with_list(rules, Some(AllowedRequesters::default()));
        not_allowed(by("system:serviceaccount:shop:web"), &rules, "is not in");
        not_allowed(for_certificate("shop"), &rules, "is not in");
    }
}

/// X5-7: a listed requester gets no other URI than the trust domain's.
#[test]
fn a_listed_requester_gets_no_ca_with_the_id_of_a_workload() {
    for uri in [
        uri("spiffe://example.org/ns/shop/sa/web"),
        uri("spiffe://other.org"),
    ] {
        let denial = denied(ca_request(&CsrParts::names(&[uri])), &listed());
        assert_eq!(denial.reason, Reason::IdentityNotAllowed);
    }
}

/// `request-is-ca` can be added to a CertificateSigningRequest that was approved for a leaf.
#[test]
fn an_annotation_added_after_the_approval_makes_no_ca_of_a_trust_domain() {
    let annotated = |csr: &CsrParts| {
        let mut request = in_namespace(None, ca_request(csr));
        request.annotated.ca = true;
        request
    };
    let leaf = annotated(&CsrParts::default());
    let denial = denied(leaf.clone(), &listed());
    assert_eq!(denial.reason, Reason::InvalidCsr);
    assert!(denial.message.contains("CA:TRUE"), "{}", denial.message);
    let ca = CsrParts::default().and(BASIC_CONSTRAINTS, &hex("30030101ff"));
    granted(annotated(&ca), &listed());
    let not_ca = CsrParts::default().and(BASIC_CONSTRAINTS, &hex("3000"));
    let denial = denied(annotated(&not_ca), &listed());
    assert_eq!(denial.reason, Reason::InvalidCsr);
    // A plain issuer stays level with cert-manager's CA issuer.
    granted(leaf, &with_ca(plain(), 0));
}
