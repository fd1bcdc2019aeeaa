use super::{NameConstraints, NameConstraintsError as E, Subtrees};
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{NAME_CONSTRAINTS, hex, seq, tlv};
use crate::request::csr::Csr;
use crate::x509::names::MAX_NAMES;

fn list(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn all() -> Subtrees {
    Subtrees {
        dns_domains: list(&["example.org", ".example.net", ""]),
        ip_ranges: list(&[
            "10.0.0.0/8",
            "0.0.0.0/0",
            "192.0.2.1/32",
            "2001:db8::/33",
            "::/0",
        ]),
        email_addresses: list(&["a@example.org", "example.org", ".example.org"]),
        uri_domains: list(&["example.org", ".example.org"]),
    }
}

fn dns(values: &[&str]) -> Subtrees {
    Subtrees {
        dns_domains: list(values),
        ..Subtrees::default()
    }
}

#[test]
fn encodes_each_kind_in_the_list_that_names_it() {
    let constraints = NameConstraints::new(&all(), &dns(&["bad.example.org"])).unwrap();
    let subtree = |tag: u8, value: &[u8]| seq(&[tlv(tag, value)]);
    let permitted = [
        subtree(0x82, b"example.org"),
        subtree(0x82, b".example.net"),
        subtree(0x82, b""),
        subtree(0x87, &hex("0a000000 ff000000")),
        subtree(0x87, &hex("00000000 00000000")),
        subtree(0x87, &hex("c0000201 ffffffff")),
        subtree(
            0x87,
            &hex("20010db8000000000000000000000000 ffffffff800000000000000000000000"),
        ),
        subtree(0x87, &[0; 32]),
        subtree(0x81, b"a@example.org"),
        subtree(0x81, b"example.org"),
        subtree(0x81, b".example.org"),
        subtree(0x86, b"example.org"),
        subtree(0x86, b".example.org"),
    ];
    let excluded = [subtree(0x82, b"bad.example.org")];
    let expected = seq(&[
        tlv(0xa0, &permitted.concat()),
        tlv(0xa1, &excluded.concat()),
    ]);
    assert_eq!(constraints.der(), expected);
}

/// What is requested of a parent is what Signet itself grants.
#[test]
fn the_strict_reader_of_csrs_accepts_them() {
    let none = Subtrees::default();
    for (permitted, excluded) in [(all(), none.clone()), (none, all()), (all(), all())] {
        let constraints = NameConstraints::new(&permitted, &excluded).unwrap();
        let csr = CsrParts::default().and(NAME_CONSTRAINTS, constraints.der());
        let csr = Csr::from_der(&csr.der()).unwrap();
        assert_eq!(
            csr.extensions.name_constraints.as_deref(),
            Some(constraints.der())
        );
    }
}

#[test]
fn rejects_no_names_and_too_many() {
    let none = Subtrees::default();
    assert_eq!(NameConstraints::new(&none, &none), Err(E::Empty));
    let half = dns(&vec!["example.org"; MAX_NAMES / 2]);
    NameConstraints::new(&half, &half).unwrap();
    let more = dns(&vec!["example.org"; MAX_NAMES / 2 + 1]);
    assert_eq!(
        NameConstraints::new(&half, &more),
        Err(E::TooMany(MAX_NAMES + 1))
    );
}

#[test]
fn names_the_field_and_the_value_of_a_name_that_verifiers_do_not_read() {
    let none = Subtrees::default();
    let message = |subtrees: &Subtrees| {
        let permitted = NameConstraints::new(subtrees, &none)
            .unwrap_err()
            .to_string();
        let excluded = NameConstraints::new(&none, subtrees)
            .unwrap_err()
            .to_string();
        assert_eq!(permitted.replace(".permitted.", ".excluded."), excluded);
        permitted
    };
    let host =
        "which is not a host name; write example.org, or .example.org for what lies below it";
    for domain in [
        "*.example.org",
        "example.org.",
        "a b",
        "bücher.example",
        "http://example.org",
    ] {
        assert_eq!(
            message(&dns(&["example.org", domain])),
            format!("nameConstraints.permitted.dnsDomains has {domain:?}, {host}")
        );
    }
    for (uri, fault) in [
        ("spiffe://example.org", host),
        (
            "10.0.0.1",
            "and an IP address cannot constrain URIs; write a host name",
        ),
    ] {
        let subtrees = Subtrees {
            uri_domains: list(&[uri]),
            ..Subtrees::default()
        };
        let expected = format!("nameConstraints.permitted.uriDomains has {uri:?}, {fault}");
        assert_eq!(message(&subtrees), expected);
    }
    for email in ["@example.org", "a@", "a b@example.org"] {
        let subtrees = Subtrees {
            email_addresses: list(&[email]),
            ..Subtrees::default()
        };
        let expected = format!(
            "nameConstraints.permitted.emailAddresses has {email:?}, which is not a mailbox; write name@host.example, or only the host"
        );
        assert_eq!(message(&subtrees), expected);
    }
}

#[test]
fn names_what_is_wrong_with_an_ip_range() {
    let form =
        "which is not a CIDR block; write an address and a prefix length, such as 10.0.0.0/8";
    for (range, fault) in [
        ("10.0.0.1", "which has no prefix length; write 10.0.0.1/32"),
        ("::1", "which has no prefix length; write ::1/128"),
        (
            "10.0.0.1/8",
            "which has bits set after its prefix; write 10.0.0.0/8",
        ),
        (
            "2001:db8::1/32",
            "which has bits set after its prefix; write 2001:db8::/32",
        ),
        ("10.0.0.0/33", form),
        ("::/129", form),
        ("10.0.0.0/08", form),
        ("10.0.0.0/+8", form),
        ("10.0.0.0/", form),
        ("10.0.0/8", form),
        ("10.0.0.0/255.0.0.0", form),
        ("example.org", form),
        ("", form),
    ] {
        let subtrees = Subtrees {
            ip_ranges: list(&[range]),
            ..Subtrees::default()
        };
        let error = NameConstraints::new(&subtrees, &Subtrees::default()).unwrap_err();
        let expected = format!("nameConstraints.permitted.ipRanges has {range:?}, {fault}");
        assert_eq!(error.to_string(), expected);
    }
}

/// PKI-10: rustls rejects a URI under a permitted and under an excluded URI subtree.
#[test]
fn warns_of_uri_domains_only() {
    let none = Subtrees::default();
    let uris = Subtrees {
        uri_domains: list(&["example.org"]),
        ..Subtrees::default()
    };
    let warning =
        |permitted, excluded| NameConstraints::new(permitted, excluded).unwrap().warning();
    assert!(warning(&uris, &none).unwrap().contains("uriDomains"));
    assert!(warning(&none, &uris).unwrap().contains("uriDomains"));
    assert_eq!(warning(&dns(&["example.org"]), &none), None);
}
