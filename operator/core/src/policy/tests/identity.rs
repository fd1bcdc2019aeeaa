//! The fixed rule for SPIFFE IDs, for a ServiceAccount that requests for itself.
//!
//! That annotations and labels never count needs no test: `RawRequest` has no place for them.

use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{attribute, cn, dns, no_name, seq, subject, tlv, uri};
use crate::fixtures::request::{denied, granted, plain, request, requester, spiffe};
use crate::policy::IssuerPolicy;
use crate::reason::Reason;
use crate::request::{Api, RawRequest, ServiceAccount};

pub(super) const OWN: &str = "spiffe://example.org/ns/shop/sa/web";

/// A request of this user in their own namespace, if they have one.
pub(super) fn by(username: &str) -> RawRequest {
    let account = ServiceAccount::from_username(username);
    let own = account.map(|account| account.namespace);
    RawRequest {
        requester: requester(username),
        namespace: own.or(Some("shop".to_owned())),
        ..request(&CsrParts::nameless())
    }
}

pub(super) fn in_namespace(request: RawRequest, namespace: &str) -> RawRequest {
    RawRequest {
        namespace: Some(namespace.to_owned()),
        ..request
    }
}

/// The URIs of what is granted; the SPIFFE ID of the grant is the only one.
#[track_caller]
pub(super) fn id(request: RawRequest, rules: &IssuerPolicy) -> String {
    let grant = granted(request, rules);
    let id = grant.spiffe_id.as_ref().unwrap().to_string();
    assert_eq!(
        grant.subject_alt_names.as_ref().unwrap().uris(),
        std::slice::from_ref(&id)
    );
    id
}

#[track_caller]
pub(super) fn refused(request: RawRequest, rules: &IssuerPolicy, part: &str) {
    let denial = denied(request, rules);
    assert_eq!(
        denial.reason,
        Reason::IdentityNotAllowed,
        "{}",
        denial.message
    );
    assert!(denial.message.contains(part), "{}", denial.message);
}

#[test]
fn a_service_account_gets_its_own_id() {
    let rules = spiffe();
    assert_eq!(id(request(&CsrParts::nameless()), &rules), OWN);
    assert_eq!(
        id(by("system:serviceaccount:till:cash.v2"), &rules),
        "spiffe://example.org/ns/till/sa/cash.v2"
    );
    // It is the same through the other API, which has no namespace.
    let csr = CsrParts::names(&[uri(OWN)]).and_subject(no_name());
    let api = Api::CertificateSigningRequest;
    assert_eq!(
        id(
            RawRequest {
                api,
                namespace: None,
                ..request(&csr)
            },
            &rules
        ),
        OWN
    );
    // An owner reference that requesters add to their own request has no effect.
    let owned = RawRequest {
        certificate: Some("tls".to_owned()),
        ..request(&CsrParts::nameless())
    };
    assert_eq!(id(owned, &rules), OWN);
}

#[test]
fn a_service_account_cannot_lend_its_identity_to_another_namespace() {
    let csrs = [
        CsrParts::nameless(),
        CsrParts::names(&[uri(OWN)]),
        CsrParts::names(&[uri("spiffe://example.org/ns/till/sa/web")]),
    ];
    let of_till = IssuerPolicy {
        namespace: Some("till".to_owned()),
        ..spiffe()
    };
    for csr in &csrs {
        for rules in [spiffe(), of_till.clone()] {
            for elsewhere in ["till", "shop-evil", "sho", "Shop", ""] {
                refused(
                    in_namespace(request(csr), elsewhere),
                    &rules,
                    "shop/web made this request in namespace",
                );
            }
        }
    }
    // At home it gets what it may have, and so it does through the API without namespaces.
    for csr in &csrs[..2] {
        let elsewhere = in_namespace(request(csr), "till");
        assert_eq!(id(in_namespace(elsewhere.clone(), "shop"), &spiffe()), OWN);
        let api = Api::CertificateSigningRequest;
        let nowhere = RawRequest {
            api,
            namespace: None,
            ..elsewhere
        };
        assert_eq!(id(nowhere, &spiffe()), OWN);
    }
    // A plain private CA gives no identity, so there is none to lend.
    granted(in_namespace(request(&csrs[0]), "till"), &plain());
}

#[test]
fn x5_1_x5_2_a_service_account_may_list_its_own_id_and_no_other() {
    let rules = spiffe();
    assert_eq!(id(request(&CsrParts::names(&[uri(OWN)])), &rules), OWN);
    let others = [
        (
            "spiffe://example.org/ns/shop/sa/other",
            "is allowed spiffe://example.org/ns/shop/sa/web",
        ),
        ("spiffe://example.org/ns/till/sa/web", "is allowed"),
        ("spiffe://example.org/ns/shop/sa/web/x", "is allowed"),
        ("spiffe://example.org/ns/shop/certificate/web", "is allowed"),
        ("spiffe://other.org/ns/shop/sa/web", "is allowed"),
        ("spiffe://example.org/NS/shop/sa/web", "is allowed"),
        ("spiffe://example.org", "is allowed"),
        // SID-7: readers would take these for the same, and we write lower case alone.
        (
            "spiffe://Example.org/ns/shop/sa/web",
            "canonical form, spiffe://example.org/ns/shop",
        ),
        ("SPIFFE://example.org/ns/shop/sa/web", "canonical form"),
        // SID-1 to SID-4.
        (
            "https://example.org/ns/shop/sa/web",
            "starts with spiffe://",
        ),
        ("spiffe://example.org/ns/shop/sa/web?x", "query"),
        ("spiffe://example.org/ns/shop/sa/web#x", "fragment"),
        ("spiffe://a@example.org/ns/shop/sa/web", "user information"),
        ("spiffe://example.org:443/ns/shop/sa/web", "port"),
        ("spiffe://example.org/ns/shop/sa/web/", "'/'"),
        ("spiffe://example.org/ns/shop/sa/x/../web", "'.' or '..'"),
        ("spiffe://example.org//ns/shop/sa/web", "empty segment"),
        ("spiffe://example.org/ns/shop/sa/%77eb", "'%'"),
        ("spiffe:///ns/shop/sa/web", "trust domain is empty"),
    ];
    for (other, part) in others {
        refused(request(&CsrParts::names(&[uri(other)])), &rules, part);
    }
}

#[test]
fn x5_2_rejects_two_uris_even_if_equal() {
    for names in [
        [uri(OWN), uri(OWN)],
        [uri(OWN), uri("https://shop.example")],
    ] {
        refused(request(&CsrParts::names(&names)), &spiffe(), "exactly one");
    }
}

#[test]
fn x5_3_keeps_names_beside_a_listed_id() {
    let names = [dns("web.shop.svc"), uri(OWN), tlv(0x87, &[10, 0, 0, 1])];
    let csr = CsrParts::names(&names).and_subject(cn("web"));
    let grant = granted(request(&csr), &spiffe());
    assert_eq!(
        grant.subject_alt_names.as_ref().unwrap().der(),
        tlv(0x30, &names.concat())
    );
    assert_eq!(grant.subject_der, cn("web"));
}

/// Open Service Mesh's controller requests certificates for workloads, with `CN=web.default…` and
/// DNS names. Each would get the controller's own identity.
#[test]
fn an_agent_does_not_lend_its_identity_to_the_workloads_it_requests_for() {
    let others = [
        CsrParts::names(&[dns("web.default.svc")]),
        CsrParts::names(&[tlv(0x87, &[10, 0, 0, 1])]),
        CsrParts::names(&[tlv(0x81, b"web@example.org")]),
        // A registeredID.
        CsrParts::names(&[tlv(0x88, &[0x2a, 0x03])]),
        CsrParts::names(&[]).and_subject(cn("web.default.svc.cluster.local")),
        CsrParts::names(&[]).and_subject(subject(&[("2.5.4.10", "Mesh"), ("2.5.4.3", "web")])),
        CsrParts::names(&[]).and_subject(cn("")),
        // serialNumber, emailAddress, domainComponent, userId, title, givenName.
        CsrParts::names(&[]).and_subject(subject(&[("2.5.4.5", "1")])),
        CsrParts::names(&[]).and_subject(subject(&[("1.2.840.113549.1.9.1", "a@b.c")])),
        CsrParts::names(&[]).and_subject(subject(&[("0.9.2342.19200300.100.1.25", "org")])),
        CsrParts::names(&[]).and_subject(subject(&[("0.9.2342.19200300.100.1.1", "web")])),
        CsrParts::names(&[]).and_subject(subject(&[("2.5.4.12", "web")])),
        CsrParts::names(&[]).and_subject(subject(&[("2.5.4.42", "web")])),
        // Two attributes in one RDN.
        CsrParts::names(&[]).and_subject(seq(&[tlv(
            0x31,
            &[attribute("2.5.4.3", "web"), attribute("2.5.4.10", "Mesh")].concat(),
        )])),
    ];
    let advice = format!("list the URI {OWN} in the CSR");
    for csr in &others {
        refused(request(csr), &spiffe(), &advice);
        let api = Api::CertificateSigningRequest;
        let signing = RawRequest {
            api,
            namespace: None,
            ..request(csr)
        };
        refused(signing, &spiffe(), &advice);
        // Nothing is added by a plain private CA.
        assert_eq!(granted(request(csr), &plain()).spiffe_id, None);
    }
    refused(request(&others[0]), &spiffe(), "DNS:web.default.svc");
    refused(request(&others[4]), &spiffe(), "2.5.4.3");
}

#[test]
fn an_organization_is_not_a_name_of_its_own() {
    let attributes = [
        // Istio's, of zero length.
        ("2.5.4.10", ""),
        ("2.5.4.10", "Example"),
        ("2.5.4.11", "Mesh"),
        ("2.5.4.6", "CH"),
        ("2.5.4.8", "Zurich"),
        ("2.5.4.7", "Zurich"),
    ];
    for count in 0..=attributes.len() {
        let csr = CsrParts::names(&[]).and_subject(subject(&attributes[..count]));
        assert_eq!(id(request(&csr), &spiffe()), OWN);
    }
}
