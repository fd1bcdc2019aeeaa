//! The fixed rule for SPIFFE IDs, for a ServiceAccount that asks for itself and for strangers.
//!
//! That annotations and labels never count needs no test: `Asked` has no place for them.

use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{attribute, cn, dns, no_name, seq, subject, tlv, uri};
use crate::fixtures::request::{
    account, asked, asked_for_certificate, denied, granted, plain, requester, spiffe,
};
use crate::policy::{Rules, SpiffeRules};
use crate::reason::Reason;
use crate::request::{Api, Asked, ServiceAccount};
use crate::spiffe::TrustDomain;

const OWN: &str = "spiffe://example.org/ns/shop/sa/web";

/// A request of this user in his own namespace, if he has one.
fn by(username: &str) -> Asked {
    let account = ServiceAccount::from_username(username);
    let own = account.map(|account| account.namespace);
    Asked {
        requester: requester(username),
        namespace: own.or(Some("shop".to_owned())),
        ..asked(&CsrParts::nameless())
    }
}

fn in_namespace(asked: Asked, namespace: &str) -> Asked {
    Asked {
        namespace: Some(namespace.to_owned()),
        ..asked
    }
}

/// The URIs of what is granted; the SPIFFE ID of the grant is the only one.
#[track_caller]
fn id(asked: Asked, rules: &Rules) -> String {
    let grant = granted(asked, rules);
    let id = grant.spiffe_id().unwrap().to_string();
    assert_eq!(
        grant.subject_alt_names().unwrap().uris(),
        std::slice::from_ref(&id)
    );
    id
}

#[track_caller]
fn refused(asked: Asked, rules: &Rules, sentence: &str) {
    let denial = denied(asked, rules);
    assert_eq!(
        denial.reason,
        Reason::IdentityNotAllowed,
        "{}",
        denial.message
    );
    assert!(denial.message.contains(sentence), "{}", denial.message);
}

#[test]
fn a_service_account_gets_its_own_id() {
    let rules = spiffe();
    assert_eq!(id(asked(&CsrParts::nameless()), &rules), OWN);
    assert_eq!(
        id(by("system:serviceaccount:till:cash.v2"), &rules),
        "spiffe://example.org/ns/till/sa/cash.v2"
    );
    // It is the same through the other API, which has no namespace.
    let csr = CsrParts::names(&[uri(OWN)]).and_subject(no_name());
    let api = Api::CertificateSigningRequest;
    assert_eq!(
        id(
            Asked {
                api,
                namespace: None,
                ..asked(&csr)
            },
            &rules
        ),
        OWN
    );
    // An owner that somebody wrote onto his own request makes no difference.
    let owned = Asked {
        certificate: Some("tls".to_owned()),
        ..asked(&CsrParts::nameless())
    };
    assert_eq!(id(owned, &rules), OWN);
}

#[test]
fn a_service_account_lends_its_identity_to_no_other_namespace() {
    let csrs = [
        CsrParts::nameless(),
        CsrParts::names(&[uri(OWN)]),
        CsrParts::names(&[uri("spiffe://example.org/ns/till/sa/web")]),
    ];
    let of_till = Rules {
        namespace: Some("till".to_owned()),
        ..spiffe()
    };
    for csr in &csrs {
        for rules in [spiffe(), of_till.clone()] {
            for elsewhere in ["till", "shop-evil", "sho", "Shop", ""] {
                refused(
                    in_namespace(asked(csr), elsewhere),
                    &rules,
                    "shop/web made this request in namespace",
                );
            }
        }
    }
    // At home it gets what it may have, and so it does through the API without namespaces.
    for csr in &csrs[..2] {
        let elsewhere = in_namespace(asked(csr), "till");
        assert_eq!(id(in_namespace(elsewhere.clone(), "shop"), &spiffe()), OWN);
        let api = Api::CertificateSigningRequest;
        let nowhere = Asked {
            api,
            namespace: None,
            ..elsewhere
        };
        assert_eq!(id(nowhere, &spiffe()), OWN);
    }
    // A plain private CA gives no identity, so there is none to lend.
    granted(in_namespace(asked(&csrs[0]), "till"), &plain());
}

#[test]
fn x5_1_x5_2_a_service_account_may_list_its_own_id_and_no_other() {
    let rules = spiffe();
    assert_eq!(id(asked(&CsrParts::names(&[uri(OWN)])), &rules), OWN);
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
    for (other, sentence) in others {
        refused(asked(&CsrParts::names(&[uri(other)])), &rules, sentence);
    }
}

#[test]
fn x5_2_two_uris_are_refused_even_when_they_are_the_same() {
    for names in [
        [uri(OWN), uri(OWN)],
        [uri(OWN), uri("https://shop.example")],
    ] {
        refused(asked(&CsrParts::names(&names)), &spiffe(), "exactly one");
    }
}

#[test]
fn x5_3_names_beside_a_listed_id_stay_as_they_are() {
    let names = [dns("web.shop.svc"), uri(OWN), tlv(0x87, &[10, 0, 0, 1])];
    let csr = CsrParts::names(&names).and_subject(cn("web"));
    let grant = granted(asked(&csr), &spiffe());
    assert_eq!(
        grant.subject_alt_names().unwrap().der(),
        tlv(0x30, &names.concat())
    );
    assert_eq!(grant.subject_der(), cn("web"));
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
        refused(asked(csr), &spiffe(), &advice);
        let api = Api::CertificateSigningRequest;
        let signing = Asked {
            api,
            namespace: None,
            ..asked(csr)
        };
        refused(signing, &spiffe(), &advice);
        // Nothing is added by a plain private CA.
        assert_eq!(granted(asked(csr), &plain()).spiffe_id(), None);
    }
    refused(asked(&others[0]), &spiffe(), "DNS:web.default.svc");
    refused(asked(&others[4]), &spiffe(), "2.5.4.3");
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
        assert_eq!(id(asked(&csr), &spiffe()), OWN);
    }
}

#[test]
fn who_is_no_service_account_is_refused() {
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
        // The URI that he lists himself changes nothing.
        let listed = asked(&CsrParts::names(&[uri(OWN)]));
        refused(
            Asked {
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
        let mut forged = asked(&csr);
        forged.requester.groups.clear();
        refused(forged, &spiffe(), "is not in the group");
    }
}

#[test]
fn sid_4_a_name_that_is_no_path_segment_gives_no_id() {
    for username in [
        "system:serviceaccount:shop:a/b",
        "system:serviceaccount:..:web",
        "system:serviceaccount:shop:ä",
    ] {
        refused(by(username), &spiffe(), "no SPIFFE ID can be made");
    }
}

#[test]
fn sid_6_an_id_of_more_than_2048_bytes_is_not_made() {
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
    let long = asked_for_certificate(&CsrParts::names(&[uri(&listed)]));
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
fn a_namespaced_issuer_gives_identities_of_its_own_namespace_alone() {
    let of = |namespace: &str| Rules {
        namespace: Some(namespace.to_owned()),
        ..spiffe()
    };
    assert_eq!(id(asked(&CsrParts::nameless()), &of("shop")), OWN);
    for namespace in ["till", "shop-evil", "sho", "Shop"] {
        refused(
            asked(&CsrParts::nameless()),
            &of(namespace),
            "use a ClusterIssuer",
        );
    }
    // cert-manager itself lives elsewhere; what counts is whom it asks for.
    granted(asked_for_certificate(&CsrParts::nameless()), &of("shop"));
    refused(
        asked_for_certificate(&CsrParts::nameless()),
        &of("till"),
        "use a ClusterIssuer",
    );
}

#[test]
fn a_plain_private_ca_gives_no_identity_and_minds_no_uri() {
    let csr = CsrParts::names(&[uri("https://a.example"), uri("spiffe://any/where")]);
    let grant = granted(
        Asked {
            requester: requester("alice"),
            ..asked(&csr)
        },
        &plain(),
    );
    assert_eq!(grant.spiffe_id(), None);
    assert_eq!(grant.subject_alt_names().unwrap().der(), csr.names.unwrap());
}

#[test]
fn cert_managers_account_is_the_one_that_the_operator_was_told() {
    let own = Rules {
        cert_manager: account("tools", "cm"),
        ..spiffe()
    };
    let certificate = |username: &str| Asked {
        requester: requester(username),
        ..asked_for_certificate(&CsrParts::nameless())
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
fn sid_3_a_trust_domain_that_looks_like_an_address_is_one_like_any_other() {
    let trust_domain = TrustDomain::parse("10.0.0.1").unwrap();
    let rules = Rules {
        spiffe: Some(SpiffeRules { trust_domain }),
        ..spiffe()
    };
    assert_eq!(
        id(asked(&CsrParts::nameless()), &rules),
        "spiffe://10.0.0.1/ns/shop/sa/web"
    );
}
