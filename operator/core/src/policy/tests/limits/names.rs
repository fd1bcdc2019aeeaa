//! Name constraints of each form.

use super::Judges::{All, NotGo, NotWebpki, OpenSsl};
use super::{
    directory, email, exclude, excluded, ip, judged, named, of_organization, permit, permitted,
    subtrees,
};
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{attribute, cn, dns, hex, no_name, oid, seq, set, tlv, uri};
use crate::fixtures::request::{plain, request};

#[test]
fn pki_10_dns_constraints_are_enforced() {
    permitted(
        dns,
        All,
        &[
            ("example.org", "example.org", true),
            ("example.org", "a.b.example.org", true),
            ("example.org", "A.EXAMPLE.org", true),
            ("EXAMPLE.org", "a.example.org", true),
            ("example.org", "example.net", false),
            ("example.org", "badexample.org", false),
            ("example.org", "org", false),
            ("example.org", "*.example.org", true),
            ("a.example.org", "*.example.org", false),
            (".example.org", "example.org", false),
            (".example.org", "a.example.org", true),
            ("", "example.org", true),
        ],
    );
    excluded(
        dns,
        All,
        &[
            ("", "example.org", false),
            ("example.org", "example.org", false),
            ("example.org", "a.example.org", false),
            ("example.org", "a.example.net", true),
            ("example.org", "badexample.org", true),
        ],
    );
}

#[test]
fn several_subtrees_are_combined() {
    let org = dns("example.org");
    let both = subtrees(std::slice::from_ref(&org), &[dns("b.example.org")]);
    let either = subtrees(&[org.clone(), dns("example.net")], &[]);
    for (what, extension, names, expected) in [
        (
            "excluded in permitted",
            &both,
            &["a.b.example.org"][..],
            false,
        ),
        ("permitted", &both, &["a.example.org"], true),
        (
            "one of each",
            &either,
            &["example.org", "a.example.net"],
            true,
        ),
        ("one of none", &either, &["example.org", "b.example"], false),
    ] {
        let names: Vec<_> = names.iter().map(|name| dns(name)).collect();
        let request = request(&CsrParts::names(&names));
        let outcome = judged(what, extension, &request, &plain(), All);
        assert_eq!(outcome, expected, "{what}");
    }
    // Names of other forms are not constrained.
    let other = named(&uri("https://x.example"));
    assert!(judged("URI", &permit(org), &other, &plain(), All));
    let other = named(&dns("example.net"));
    let uris = permit(uri("example.org"));
    assert!(judged("DNS", &uris, &other, &plain(), All));
}

/// A wildcard stands for the name that is excluded.
#[test]
fn a_wildcard_around_an_excluded_name_is_refused() {
    excluded(
        dns,
        All,
        &[
            ("a.example.org", "*.example.org", false),
            ("example.org", "*.example.org", false),
            (".example.org", "*.example.org", false),
            ("a.b.example.org", "*.example.org", true),
        ],
    );
}

/// OpenSSL reads it as a DNS name if there is no other.
#[test]
fn a_common_name_is_not_a_way_around_dns_constraints() {
    let extension = permit(dns("example.org"));
    for (name, names, expected) in [
        ("example.net", vec![], false),
        ("a.example.org", vec![], true),
        ("web server", vec![], true),
        ("web", vec![], true),
        ("example.net", vec![dns("example.org")], true),
    ] {
        let request = request(&CsrParts::names(&names).and_subject(cn(name)));
        let outcome = judged(name, &extension, &request, &plain(), All);
        assert_eq!(outcome, expected, "{name} {names:?}");
    }
}

#[test]
fn pki_10_ip_constraints_are_enforced() {
    let v6 = "20010db8000000000000000000000001";
    let net6 = "20010db8000000000000000000000000 ffffffff000000000000000000000000";
    permitted(
        ip,
        All,
        &[
            ("0a000000 ff000000", "0a010203", true),
            ("0a000000 ff000000", "0b010203", false),
            ("0a000000 ff000000", v6, false),
            (net6, v6, true),
            (net6, "0a010203", false),
            // Not a prefix.
            ("0a000000 ff00ff00", "0a000000", false),
        ],
    );
    excluded(
        ip,
        All,
        &[
            ("0a000000 ff000000", "0a010203", false),
            ("0a000000 ff000000", "0b010203", true),
        ],
    );
}

#[test]
fn pki_9_uri_constraints_are_enforced() {
    let permitted = |rows: &[(&str, &str, bool)]| {
        for (base, name, expected) in rows {
            let request = named(&uri(name));
            let outcome = judged(name, &permit(uri(base)), &request, &plain(), NotWebpki);
            assert_eq!(outcome, *expected, "{name} in {base}");
        }
    };
    permitted(&[
        ("example.org", "spiffe://example.org/a", true),
        ("example.org", "spiffe://EXAMPLE.org/a", true),
        ("example.org", "https://example.org:8443/a", true),
        ("example.org", "spiffe://a.example.org/a", false),
        ("example.org", "spiffe://example.net/a", false),
        ("example.org", "urn:example.org", false),
        ("example.org", "https://a@example.org/", false),
        ("example.org", "https://10.0.0.1/", false),
        (".example.org", "spiffe://a.example.org/a", true),
        (".example.org", "spiffe://example.org/a", false),
    ]);
    for (name, expected) in [
        ("spiffe://example.org/a", false),
        ("spiffe://a.example.org/a", false),
        ("spiffe://example.net/a", true),
    ] {
        let (extension, request) = (exclude(uri("example.org")), named(&uri(name)));
        let outcome = judged(name, &extension, &request, &plain(), NotWebpki);
        assert_eq!(outcome, expected, "{name}");
    }
}

#[test]
fn email_constraints_are_enforced() {
    permitted(
        email,
        NotWebpki,
        &[
            ("a@example.org", "a@example.org", true),
            ("a@example.org", "A@example.org", false),
        ],
    );
    for (base, name, expected) in [
        ("example.org", "a@EXAMPLE.org", true),
        ("example.org", "a@b.example.org", false),
        ("example.org", "a@example.net", false),
        (".example.org", "a@b.example.org", true),
    ] {
        let (extension, request) = (permit(email(base)), named(&email(name)));
        let outcome = judged(name, &extension, &request, &plain(), NotWebpki);
        assert_eq!(outcome, expected, "{name} in {base}");
    }
    let (extension, request) = (
        exclude(email("example.org")),
        named(&email("a@example.org")),
    );
    assert!(!judged(
        "excluded",
        &extension,
        &request,
        &plain(),
        NotWebpki
    ));
}

/// RFC 5280 4.2.1.10: emailAddress in the subject counts too.
#[test]
fn an_email_address_in_the_subject_is_constrained() {
    let subject = |value| seq(&[set(&[seq(&[oid("1.2.840.113549.1.9.1"), value])])]);
    let ia5 = |text: &str| subject(tlv(0x16, text.as_bytes()));
    let utf8 = seq(&[set(&[attribute("1.2.840.113549.1.9.1", "a@example.org")])]);
    let host = || permit(email("example.org"));
    for (what, extension, subject, expected) in [
        ("inside", host(), ia5("a@example.org"), true),
        ("outside", host(), ia5("a@example.net"), false),
        ("of another type", permit(dns("web.shop.svc")), utf8, false),
    ] {
        let request = request(&CsrParts::default().and_subject(subject));
        let outcome = judged(what, &extension, &request, &plain(), All);
        assert_eq!(outcome, expected, "{what}");
    }
}

#[test]
fn directory_constraints_are_enforced() {
    let of = |name: &str| directory(crate::fixtures::der::subject(&[("2.5.4.10", name)]));
    for (what, extension, subject, expected) in [
        (
            "inside",
            permit(of("Example")),
            of_organization("Example"),
            true,
        ),
        (
            "any case",
            permit(of("Example")),
            of_organization("EXAMPLE"),
            true,
        ),
        (
            "outside",
            permit(of("Example")),
            of_organization("Other"),
            false,
        ),
        ("no subject", permit(of("Example")), no_name(), true),
        (
            "excluded",
            exclude(of("Other")),
            of_organization("Other"),
            false,
        ),
        (
            "not excluded",
            exclude(of("Other")),
            of_organization("Example"),
            true,
        ),
    ] {
        let request = request(&CsrParts::default().and_subject(subject));
        let outcome = judged(what, &extension, &request, &plain(), OpenSsl);
        assert_eq!(outcome, expected, "{what}");
    }
    let names = [directory(of_organization("Other"))];
    let request = request(&CsrParts::names(&names).and_subject(no_name()));
    let own = permit(of("Example"));
    assert!(!judged("in the names", &own, &request, &plain(), OpenSsl));
}

#[test]
fn names_of_other_forms_are_refused_where_they_are_constrained() {
    let registered = tlv(0x88, &hex("2a0304"));
    let (own, dns) = (named(&registered), named(&dns("a.example")));
    let extension = permit(registered);
    assert!(!judged("named", &extension, &own, &plain(), NotGo));
    assert!(judged("not named", &extension, &dns, &plain(), NotGo));
    let extension = permit(crate::fixtures::der::dns("a.example"));
    assert!(judged("not constrained", &extension, &own, &plain(), All));
}
