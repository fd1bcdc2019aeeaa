//! Who may request a CA certificate.

use std::sync::Arc;
use std::time::Duration;

use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{BASIC_CONSTRAINTS, hex, uri};
use crate::fixtures::request::{
    account, ca_request, ca_rules, denied, granted, plain, request_for_certificate, requester,
    spiffe, with_ca,
};
use crate::policy::rule::{CaRight, Rule};
use crate::policy::{CaProfile, Cap, IssuerPolicy, Kind};
use crate::reason::Reason;
use crate::request::{Api, RawRequest};

const CERT_MANAGER: &str = "system:serviceaccount:cert-manager:cert-manager";

/// In a trust domain: the ServiceAccount `shop/web`, and Certificates in `shop`.
fn listed() -> IssuerPolicy {
    with_ca(spiffe(), 0)
}

fn of_issuer_in(namespace: &str, rules: IssuerPolicy) -> IssuerPolicy {
    IssuerPolicy {
        namespace: Some(namespace.to_owned()),
        ..rules
    }
}

/// With these rules before those for leaves.
fn with_rules(policy: IssuerPolicy, rules: Vec<Rule>) -> IssuerPolicy {
    let mut default = policy.rules;
    for rule in &mut default {
        rule.allow.ca = None;
    }
    IssuerPolicy {
        ca: Some(CaProfile { path_length: 0 }),
        rules: [rules, default].concat(),
        ..policy
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
fn not_allowed(request: RawRequest, rules: &IssuerPolicy, message: &str) {
    let denial = denied(request, rules);
    assert_eq!(denial.reason, Reason::CaNotAllowed, "{}", denial.message);
    assert!(denial.message.contains(message), "{}", denial.message);
}

/// go-spiffe accepts any ID of the trust domain under such a CA.
#[test]
fn a_service_account_that_is_not_listed_cannot_get_a_ca_of_a_trust_domain() {
    let list = "no rule of the issuer allows CA certificates to the ServiceAccount";
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
    Arc::make_mut(&mut forged.requester).extra = [(
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

/// Its holder could give any ID of the trust domain to anyone.
#[test]
fn a_namespaced_issuer_of_a_trust_domain_issues_no_ca() {
    for issuer in ["till", "shop"] {
        let policy = of_issuer_in(issuer, listed());
        for namespace in [Some("till"), Some("shop"), None] {
            let request = in_namespace(namespace, by("system:serviceaccount:shop:web"));
            not_allowed(request, &policy, "use a ClusterIssuer");
        }
        not_allowed(for_certificate("shop"), &policy, "use a ClusterIssuer");
    }
}

#[test]
fn a_plain_namespaced_issuer_gives_a_ca_to_its_own_namespace_only() {
    let rules = ca_rules(&[account("shop", "web")], &["shop"]);
    let of = |namespace| of_issuer_in(namespace, with_rules(plain(), rules.clone()));
    for request in [
        by("system:serviceaccount:shop:web"),
        for_certificate("shop"),
    ] {
        granted(request.clone(), &of("shop"));
        let denial = denied(request, &of("till"));
        assert_eq!(denial.reason, Reason::CaNotAllowed, "{}", denial.message);
    }
}

#[test]
fn certificates_of_the_listed_namespaces_get_a_ca() {
    granted(for_certificate("shop"), &listed());
    for other in ["till", "shop-evil", "sho", ""] {
        let message = "no rule of the issuer allows CA certificates to";
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
    let only_cert_manager = ca_rules(&[account("cert-manager", "cert-manager")], &[]);
    for policy in [spiffe(), plain()] {
        let policy = with_rules(policy, only_cert_manager.clone());
        not_allowed(for_certificate("till"), &policy, "the Certificate till/tls");
        let directly = in_namespace(Some("cert-manager"), by(CERT_MANAGER));
        not_allowed(directly, &policy, "something other than a Certificate");
    }
}

#[test]
fn a_trust_domain_without_such_a_rule_denies_every_ca() {
    let policy = with_rules(spiffe(), Vec::new());
    let message = "no rule of the issuer allows CA certificates";
    not_allowed(by("system:serviceaccount:shop:web"), &policy, message);
    not_allowed(for_certificate("shop"), &policy, message);
    not_allowed(by("alice"), &policy, "\"alice\" is not a ServiceAccount");
}

#[test]
fn by_default_every_approved_request_to_a_plain_issuer_gets_a_ca() {
    for request in [by("alice"), by(CERT_MANAGER), for_certificate("till")] {
        granted(request, &with_ca(plain(), 0));
    }
    let rules = ca_rules(&[account("shop", "web")], &[]);
    let policy = with_rules(plain(), rules);
    granted(by("system:serviceaccount:shop:web"), &policy);
    not_allowed(by("alice"), &policy, "\"alice\" is not a ServiceAccount");
    not_allowed(for_certificate("till"), &policy, "the Certificate till/tls");
}

#[test]
fn rules_without_requesters_allow_no_ca() {
    for policy in [spiffe(), plain()] {
        let policy = with_rules(policy, ca_rules(&[], &[]));
        let message = "no rule of the issuer allows CA certificates to";
        not_allowed(by("system:serviceaccount:shop:web"), &policy, message);
        not_allowed(for_certificate("shop"), &policy, message);
    }
}

/// The right of a rule and the profile are both maxima.
#[test]
fn pki_7_a_rule_limits_path_length_and_lifetime_of_a_ca() {
    for (profile, right, expected) in [(3, 1, 1), (1, 3, 1), (0, 0, 0)] {
        let mut listed = ca_rules(&[account("shop", "web")], &[]);
        listed[0].allow.ca = Some(CaRight {
            path_length: right,
            max_duration: Some(Duration::from_secs(60)),
        });
        let policy = IssuerPolicy {
            ca: Some(CaProfile {
                path_length: profile,
            }),
            ..with_rules(spiffe(), listed)
        };
        let grant = granted(by("system:serviceaccount:shop:web"), &policy);
        let path_length = expected;
        assert_eq!(grant.kind, Kind::Ca { path_length });
        assert_eq!(grant.duration, Duration::from_secs(60));
        assert_eq!(grant.cap, Some(Cap::Rule));
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
