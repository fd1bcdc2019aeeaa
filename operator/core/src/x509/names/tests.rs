use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{MAX_NAMES, NamesError, SubjectAltNames, syntax};
use crate::spiffe::SpiffeId;
use crate::x509::strict::tlv;

const DNS: u8 = 0x82;
const EMAIL: u8 = 0x81;
const URI: u8 = 0x86;
const IP: u8 = 0x87;

fn general_names(names: &[(u8, &[u8])]) -> Vec<u8> {
    let content: Vec<u8> = names
        .iter()
        .flat_map(|(tag, value)| tlv(*tag, value))
        .collect();
    tlv(0x30, &content)
}

fn read(tag: u8, value: impl AsRef<[u8]>) -> Result<SubjectAltNames, NamesError> {
    SubjectAltNames::from_der(&general_names(&[(tag, value.as_ref())]))
}

#[track_caller]
fn fault(outcome: Result<SubjectAltNames, NamesError>) -> &'static str {
    match outcome {
        Err(NamesError::Text { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

fn is_refused(expected: &str, outcome: Result<SubjectAltNames, NamesError>) -> bool {
    matches!(outcome, Err(NamesError::Text { kind, .. }) if kind == expected)
}

/// userPrincipalName with a UTF8String, as cert-manager's `otherNames` writes it.
fn user_principal_name() -> Vec<u8> {
    let oid = hex::decode("060a2b060104018237140203").unwrap();
    let value = tlv(0xa0, &tlv(0x0c, "jürgen@example.org".as_bytes()));
    tlv(0xa0, &[oid, value].concat())
}

#[test]
fn reads_every_kind_and_keeps_the_bytes() {
    let directory_name = tlv(
        0xa4,
        &hex::decode("300e310c300a06035504030c03666f6f").unwrap(),
    );
    let der = {
        let mut content = tlv(DNS, b"*.Example.org");
        content.extend(user_principal_name());
        content.extend(tlv(IP, &[10, 1, 2, 3]));
        content.extend(tlv(IP, &[0; 16]));
        content.extend(tlv(EMAIL, b"alice@example.com"));
        content.extend(directory_name);
        content.extend(tlv(URI, b"spiffe://cluster.local/ns/sandbox/sa/foo"));
        content.extend(tlv(0x88, &[0x2a, 0x03]));
        content.extend(tlv(DNS, b"_srv.a-b.example"));
        tlv(0x30, &content)
    };
    let names = SubjectAltNames::from_der(&der).unwrap();
    assert_eq!(names.der(), der);
    assert_eq!(names.dns(), ["*.Example.org", "_srv.a-b.example"]);
    assert_eq!(names.uris(), ["spiffe://cluster.local/ns/sandbox/sa/foo"]);
    assert_eq!(names.emails(), ["alice@example.com"]);
    let ips = [
        IpAddr::from(Ipv4Addr::new(10, 1, 2, 3)),
        IpAddr::from(Ipv6Addr::UNSPECIFIED),
    ];
    assert_eq!(names.ips(), ips);
    assert_eq!(names.others(), 3);
    assert_eq!(
        names.display(),
        "URI:spiffe://cluster.local/ns/sandbox/sa/foo, DNS:*.Example.org, DNS:_srv.a-b.example, \
         IP:10.1.2.3, IP:::, email:alice@example.com, other name, other name, other name"
    );
}

#[test]
fn checks_dns_names() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(longest.len(), 253);
    for name in [
        "a",
        "a.example",
        "*.example",
        "1.2.3.example",
        "1a",
        "0x1",
        "a--b.c",
        "_x.y",
        "A.B",
        &longest,
    ] {
        assert_eq!(read(DNS, name).unwrap().dns(), [name]);
    }
    let faults = [
        "", ".", "a.", ".a", "a..b", "*", "a.*", "a*.b", "**.a", "*.*.a", "*a.b", "a/b", "a:1",
        "a@b", "a,b",
    ];
    let long_label = "a".repeat(64);
    let long_name = format!("a{longest}");
    let long_wildcard = format!("*.{}", &longest[1..]);
    for name in faults
        .into_iter()
        .chain([&*long_label, &long_name, &long_wildcard])
    {
        assert!(is_refused("DNS name", read(DNS, name)), "{name:?}");
    }
}

/// rustls-webpki refuses to read such a name, and URL parsers take it for an address.
#[test]
fn rejects_dns_names_that_read_as_ip_addresses() {
    for name in [
        "10.0.0.1",
        "1.2.3.4",
        "127.1",
        "1",
        "*.0",
        "a.example.7",
        "a.00",
    ] {
        let message = read(DNS, name).unwrap_err().to_string();
        assert!(message.contains("list an IP address instead"), "{message}");
    }
}

#[test]
fn rejects_spaces_control_characters_and_non_ascii() {
    for (tag, text) in [
        (DNS, "a.example"),
        (EMAIL, "a@b.example"),
        (URI, "spiffe://td/a"),
    ] {
        for c in ['\0', '\n', '\r', '\t', ' ', '\x1f', '\x7f'] {
            let hostile = format!("{text}{c}.evil");
            let outcome = read(tag, &hostile);
            assert!(fault(outcome) == syntax::NOT_GRAPHIC, "{hostile:?}");
        }
        for outcome in [read(tag, format!("ü{text}")), read(tag, b"a\xff")] {
            assert_eq!(fault(outcome), syntax::NOT_ASCII);
        }
    }
}

#[test]
fn escapes_a_nul() {
    let message = read(DNS, "bank.example\0.evil.example")
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("bank.example\\0.evil.example"),
        "{message}"
    );
    assert!(message.contains("remove it"), "{message}");
}

#[test]
fn checks_email_addresses() {
    for mailbox in ["a@b", "a.b+c@example.org", "\"a@b\"@example.org"] {
        assert_eq!(read(EMAIL, mailbox).unwrap().emails(), [mailbox]);
    }
    for mailbox in [
        "",
        "a",
        "@b",
        "a@",
        "a@b..c",
        "a@-/",
        "a@*.example.org",
        "<a@b>",
    ] {
        assert!(
            is_refused("email address", read(EMAIL, mailbox)),
            "{mailbox}"
        );
    }
}

#[test]
fn rejects_uris_that_are_relative_or_malformed() {
    for uri in [
        "spiffe://td/a",
        "https://[2001:db8::1]:8443/a%20b?c=d#e",
        "urn:uuid:4a5b",
        "file:///etc/x",
        "https://a.example:",
        "https://user:p%20w@a_b.example:8443?q#f",
        "https://[::ffff:10.0.0.1]/",
        "postgres://a~b,c/x..y.",
        "urn:[a]@b:c",
        "a+b-c.d:x",
    ] {
        assert_eq!(read(URI, uri).unwrap().uris(), [uri]);
    }
    for uri in [
        "",
        "/a/b",
        "//td/a",
        "a/b",
        "1a:b",
        ":b",
        "a b:c",
        "spiffe:",
        "a_b:c",
        "http://a/<b>",
        "http://a/%2",
        "http://a/%zz",
        "http://a/%",
        "http://a\\b",
        "http://a/`",
        "http://a./",
        "http://.a/",
        "http://a..b?c",
        "http://a:b/",
        "http://a:1:2/",
        "http://[::1/",
        "http://[::1]a/",
        "http://[10.0.0.1]/",
        "http://[::1%25eth0]/",
        "http://a[b]/",
        "http://[a]@b/",
        "http://a%2fb/",
    ] {
        assert!(is_refused("URI", read(URI, uri)), "{uri}");
    }
}

#[test]
fn rejects_ip_addresses_of_other_sizes() {
    for length in [0, 1, 3, 5, 8, 15, 17, 32] {
        assert_eq!(read(IP, vec![1; length]), Err(NamesError::IpLength(length)));
    }
    // An IPv4 address in 16 bytes is not taken for IPv4.
    let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
    assert_eq!(
        read(IP, mapped.octets()).unwrap().ips(),
        [IpAddr::from(mapped)]
    );
}

#[test]
fn rejects_unsupported_kinds() {
    for tag in [
        0xa3, 0xa5, 0xa9, 0x89, 0x0c, 0x30, 0x80, 0xa2, 0xa6, 0xa7, 0x84, 0x42, 0xc2,
    ] {
        let outcome = read(tag, []);
        assert!(
            matches!(outcome, Err(NamesError::UnsupportedKind(_))),
            "{tag:02x}: {outcome:?}"
        );
    }
    assert!(
        read(0xa3, [])
            .unwrap_err()
            .to_string()
            .contains("x400Address")
    );
    assert!(
        read(0xa5, [])
            .unwrap_err()
            .to_string()
            .contains("ediPartyName")
    );
}

#[test]
fn rejects_malformed_other_names() {
    let oid = tlv(0x06, &[0x2a, 0x03]);
    let cases = [
        ("no type", vec![]),
        ("no value", oid.clone()),
        (
            "value without its tag",
            [oid.clone(), tlv(0x0c, b"x")].concat(),
        ),
        ("empty value", [oid.clone(), tlv(0xa0, &[])].concat()),
        (
            "two values",
            [
                oid.clone(),
                tlv(0xa0, &[tlv(0x0c, b"x"), tlv(0x0c, b"y")].concat()),
            ]
            .concat(),
        ),
        (
            "trailing",
            [oid.clone(), tlv(0xa0, &tlv(0x0c, b"x")), tlv(0x05, &[])].concat(),
        ),
        (
            "broken inside",
            [oid, tlv(0xa0, &tlv(0x30, &[0x02, 0x05]))].concat(),
        ),
    ];
    for (what, value) in cases {
        let outcome = read(0xa0, value);
        assert!(
            matches!(outcome, Err(NamesError::Malformed { .. })),
            "{what}: {outcome:?}"
        );
    }
    for value in [&[][..], &[0x80, 0x01], &[0x2a, 0x83]] {
        assert!(
            matches!(read(0x88, value), Err(NamesError::Malformed { .. })),
            "{value:02x?}"
        );
    }
}

#[test]
fn rejects_a_malformed_frame() {
    assert_eq!(
        SubjectAltNames::from_der(&[0x30, 0x00]),
        Err(NamesError::Empty)
    );
    let many = |count| vec![(DNS, &b"a"[..]); count];
    let most = SubjectAltNames::from_der(&general_names(&many(MAX_NAMES))).unwrap();
    assert_eq!(most.dns().len(), MAX_NAMES);
    let outcome = SubjectAltNames::from_der(&general_names(&many(MAX_NAMES + 1)));
    assert_eq!(outcome, Err(NamesError::TooMany(MAX_NAMES + 1)));

    let good = general_names(&[(DNS, b"a.example")]);
    let mut trailing = good.clone();
    trailing.push(0);
    let mut indefinite = vec![0x30, 0x80];
    indefinite.extend_from_slice(&good[2..]);
    indefinite.extend([0, 0]);
    let mut long_length = vec![0x30, 0x81];
    long_length.extend_from_slice(&good[1..]);
    for der in [
        vec![],
        trailing,
        indefinite,
        long_length,
        good[..good.len() - 1].to_vec(),
    ] {
        let outcome = SubjectAltNames::from_der(&der);
        assert!(
            matches!(outcome, Err(NamesError::Malformed { .. })),
            "{der:02x?}"
        );
    }
}

#[test]
fn appends_a_uri_to_the_same_bytes() {
    let id = SpiffeId::parse("spiffe://example.org/ns/a/sa/b").unwrap();
    let alone = SubjectAltNames::with_uri(None, &id);
    assert_eq!(alone, SubjectAltNames::from_der(alone.der()).unwrap());
    assert_eq!(alone.uris(), ["spiffe://example.org/ns/a/sa/b"]);

    let other_name = user_principal_name();
    let existing = {
        let content = [
            other_name.clone(),
            tlv(DNS, &[b'a'; 63]),
            tlv(DNS, &[b'b'; 63]),
        ]
        .concat();
        SubjectAltNames::from_der(&tlv(0x30, &content)).unwrap()
    };
    let extended = SubjectAltNames::with_uri(Some(&existing), &id);
    assert_eq!(extended, SubjectAltNames::from_der(extended.der()).unwrap());
    assert_eq!(
        (
            extended.dns().len(),
            extended.uris().len(),
            extended.others()
        ),
        (2, 1, 1)
    );
    // The length grew to a second octet in the frame; what is inside is the same.
    let names = &existing.der()[3..];
    assert!(names.starts_with(&other_name));
    assert_eq!(&extended.der()[3..3 + names.len()], names);
}

#[test]
fn bounds_what_is_displayed() {
    let names = vec![(DNS, &b"name.example"[..]); 900];
    let text = SubjectAltNames::from_der(&general_names(&names))
        .unwrap()
        .display();
    assert!(text.len() < 500 && text.ends_with(" more"), "{text}");
    let long = format!("spiffe://td/{}", "a".repeat(5000));
    assert_eq!(read(URI, long).unwrap().display(), "1 long name");
}
