//! The fixed rule for SPIFFE IDs, for what cert-manager asks on behalf of a Certificate.

use std::sync::Arc;

use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{dns, uri};
use crate::fixtures::request::{denied, granted, request_for_certificate, spiffe};
use crate::reason::Reason;
use crate::request::{Api, RawRequest};

#[test]
fn a_certificate_without_a_uri_gets_an_id_of_its_own() {
    let grant = granted(
        request_for_certificate(&CsrParts::names(&[dns("a.example")])),
        &spiffe(),
    );
    let expected = "spiffe://example.org/ns/shop/certificate/tls";
    assert_eq!(grant.spiffe_id.as_ref().unwrap().to_string(), expected);
    assert_eq!(grant.subject_alt_names.as_ref().unwrap().uris(), [expected]);
    assert_eq!(
        grant.subject_alt_names.as_ref().unwrap().dns(),
        ["a.example"]
    );
}

#[test]
fn a_certificate_may_list_one_id_under_its_namespace() {
    for listed in [
        "spiffe://example.org/ns/shop/sa/web",
        "spiffe://example.org/ns/shop/x",
        "spiffe://example.org/ns/shop/certificate/other",
        "spiffe://example.org/ns/shop/a/b/c/...",
    ] {
        let csr = CsrParts::names(&[uri(listed), dns("a.example")]);
        let grant = granted(request_for_certificate(&csr), &spiffe());
        assert_eq!(grant.spiffe_id.as_ref().unwrap().to_string(), listed);
        assert_eq!(
            grant.subject_alt_names.as_ref().unwrap().der(),
            csr.names.unwrap()
        );
    }
}

#[test]
fn a_certificate_cannot_list_an_id_outside_its_namespace() {
    let table = [
        (
            "spiffe://example.org/ns/till/sa/web",
            "under spiffe://example.org/ns/shop/, not",
        ),
        ("spiffe://example.org/ns/shop-evil/sa/web", ", not"),
        ("spiffe://example.org/ns/sho/p", ", not"),
        ("spiffe://example.org/ns/Shop/sa/web", ", not"),
        ("spiffe://example.org/ns/shop", ", not"),
        ("spiffe://example.org/ns", ", not"),
        ("spiffe://example.org", ", not"),
        ("spiffe://example.org/sa/ns/shop/web", ", not"),
        ("spiffe://example.org/x/ns/shop/web", ", not"),
        ("spiffe://other.org/ns/shop/sa/web", ", not"),
        ("spiffe://example.org.evil/ns/shop/sa/web", ", not"),
        ("spiffe://sub.example.org/ns/shop/sa/web", ", not"),
        ("spiffe://example.org/ns/shop/../other", "'.' or '..'"),
        ("spiffe://example.org/ns/shop/./web", "'.' or '..'"),
        ("spiffe://example.org/ns/shop//web", "empty segment"),
        ("spiffe://example.org/ns/shop/", "'/'"),
        ("spiffe://example.org/ns/shop%2Fx", "'%'"),
        ("spiffe://example.org/ns%2Fshop/x", "'%'"),
        ("spiffe://EXAMPLE.org/ns/shop/sa/web", "canonical"),
        (
            "https://example.org/ns/shop/sa/web",
            "starts with spiffe://",
        ),
    ];
    for (listed, sentence) in table {
        let denial = denied(
            request_for_certificate(&CsrParts::names(&[uri(listed)])),
            &spiffe(),
        );
        assert_eq!(denial.reason, Reason::IdentityNotAllowed, "{listed}");
        assert!(
            denial.message.contains(sentence),
            "{listed}: {}",
            denial.message
        );
    }
}

#[test]
fn a_cert_manager_request_without_a_certificate_has_no_identity() {
    let own = uri("spiffe://example.org/ns/shop/sa/web");
    for csr in [CsrParts::names(&[]), CsrParts::names(&[own])] {
        let for_certificate = request_for_certificate(&csr);
        for request in [
            RawRequest {
                certificate: None,
                ..for_certificate.clone()
            },
            // A CertificateSigningRequest has no namespace, so no Certificate stands beside it.
            RawRequest {
                namespace: None,
                api: Api::CertificateSigningRequest,
                ..for_certificate
            },
        ] {
            let denial = denied(request, &spiffe());
            assert_eq!(denial.reason, Reason::IdentityNotAllowed);
            assert!(
                denial.message.contains("other than a Certificate"),
                "{}",
                denial.message
            );
        }
    }
}

/// A client certificate can carry any username, also cert-manager's, and an owner reference is
/// written by the requester.
#[test]
fn a_client_certificate_with_cert_managers_username_gets_no_certificates_identity() {
    let csr = CsrParts::names(&[uri("spiffe://example.org/ns/shop/sa/web")]);
    let mut forged = request_for_certificate(&csr);
    granted(forged.clone(), &spiffe());
    Arc::make_mut(&mut forged.requester).extra = [(
        "authentication.kubernetes.io/credential-id".to_owned(),
        vec!["X509SHA256=00ff".to_owned()],
    )]
    .into();
    let denial = denied(forged, &spiffe());
    assert_eq!(denial.reason, Reason::IdentityNotAllowed);
    assert!(
        denial.message.contains("client certificate"),
        "{}",
        denial.message
    );

    let mut without_groups = request_for_certificate(&csr);
    Arc::make_mut(&mut without_groups.requester).groups.clear();
    let denial = denied(without_groups, &spiffe());
    assert_eq!(denial.reason, Reason::IdentityNotAllowed);
}
