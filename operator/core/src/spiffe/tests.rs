use super::{MAX_ID_LENGTH, SpiffeId, SpiffeIdError as E, TrustDomain};

fn long_id(length: usize) -> String {
    let mut id = String::from("spiffe://example.org/");
    id.push_str(&"a".repeat(length - id.len()));
    id
}

#[test]
fn accepts_ids_that_the_standard_allows() {
    let longest = long_id(MAX_ID_LENGTH);
    // (input, trust domain, path, displayed)
    let table = [
        (
            "spiffe://example.org/ns/a/sa/b",
            "example.org",
            "/ns/a/sa/b",
            None,
        ),
        // SID-5: the path may be absent.
        ("spiffe://example.org", "example.org", "", None),
        // SID-7: scheme and trust domain in either case, path verbatim.
        (
            "SPIFFE://Example.ORG/Path",
            "example.org",
            "/Path",
            Some("spiffe://example.org/Path"),
        ),
        // SID-3: dotted IPv4 text and underscores are names like any other.
        ("spiffe://10.2.3.4/x", "10.2.3.4", "/x", None),
        ("spiffe://a_b-c.d/x", "a_b-c.d", "/x", None),
        ("spiffe://-.-._/x", "-.-._", "/x", None),
        // SID-4: dots are only special as a whole segment of one or two.
        ("spiffe://td/...", "td", "/...", None),
        ("spiffe://td/.a/..b/_-.", "td", "/.a/..b/_-.", None),
        // SID-6.
        (longest.as_str(), "example.org", &longest[20..], None),
    ];
    for (input, trust_domain, path, displayed) in table {
        let id = SpiffeId::parse(input).unwrap_or_else(|e| panic!("{input}: {e}"));
        assert_eq!(id.trust_domain().as_str(), trust_domain, "{input}");
        assert_eq!(id.path(), path, "{input}");
        assert_eq!(id.to_string(), displayed.unwrap_or(input), "{input}");
        assert_eq!(
            SpiffeId::parse(&id.to_string()).as_ref(),
            Ok(&id),
            "{input}"
        );
    }
}

#[test]
fn rejects_ids_that_the_standard_forbids() {
    let too_long = long_id(MAX_ID_LENGTH + 1);
    let long_domain = format!("spiffe://{}/x", "a".repeat(256));
    let table = [
        // SID-1.
        ("", E::Scheme),
        ("spiffe:", E::Scheme),
        ("spiffe:/td/x", E::Scheme),
        ("https://example.org/x", E::Scheme),
        ("xspiffe://td/x", E::Scheme),
        (" spiffe://td/x", E::Scheme),
        ("spiffé://td/x", E::Scheme),
        ("spiffe://", E::EmptyTrustDomain),
        ("spiffe:///x", E::EmptyTrustDomain),
        ("spiffe://td/x?q", E::Query),
        ("spiffe://td?", E::Query),
        ("spiffe://td/x#f", E::Fragment),
        ("spiffe://td#", E::Fragment),
        // SID-2.
        ("spiffe://user@td/x", E::UserInfo),
        ("spiffe://@td/x", E::UserInfo),
        ("spiffe://td:8443/x", E::Port),
        ("spiffe://td:/x", E::Port),
        // SID-3.
        ("spiffe://t%64/x", E::TrustDomainCharacter('%')),
        ("spiffe://[::1]/x", E::TrustDomainCharacter('[')),
        ("spiffe://tdü/x", E::TrustDomainCharacter('ü')),
        ("spiffe://t d/x", E::TrustDomainCharacter(' ')),
        ("spiffe://td\0/x", E::TrustDomainCharacter('\0')),
        ("spiffe://example.org./x", E::TrustDomainEmptyLabel),
        // The Kelvin sign lower-cases to 'k' in Unicode, and must not here.
        ("spiffe://\u{212a}d/x", E::TrustDomainCharacter('\u{212a}')),
        // SID-4.
        ("spiffe://td/", E::TrailingSlash),
        ("spiffe://td/x/", E::TrailingSlash),
        ("spiffe://td//", E::TrailingSlash),
        ("spiffe://td//x", E::EmptySegment),
        ("spiffe://td/x//y", E::EmptySegment),
        ("spiffe://td/./x", E::DotSegment),
        ("spiffe://td/x/..", E::DotSegment),
        ("spiffe://td/%41", E::SegmentCharacter('%')),
        ("spiffe://td/a b", E::SegmentCharacter(' ')),
        ("spiffe://td/a\\b", E::SegmentCharacter('\\')),
        ("spiffe://td/a:b", E::SegmentCharacter(':')),
        ("spiffe://td/a@b", E::SegmentCharacter('@')),
        ("spiffe://td/ä", E::SegmentCharacter('ä')),
        ("spiffe://td/a\0", E::SegmentCharacter('\0')),
        // SID-6.
        (&too_long, E::TooLong(2049)),
        (&long_domain, E::TrustDomainTooLong(256)),
    ];
    for (input, error) in table {
        assert_eq!(SpiffeId::parse(input), Err(error), "{input:?}");
    }
}

#[test]
fn parses_trust_domains_in_configuration() {
    let longest = "a".repeat(255);
    for name in ["example.org", "td", "10.0.0.1", "a_b", longest.as_str()] {
        let trust_domain = TrustDomain::parse(name).unwrap();
        assert_eq!(trust_domain.as_str(), name);
        assert_eq!(trust_domain.id().to_string(), format!("spiffe://{name}"));
        assert_eq!(trust_domain.id().path(), "");
    }
    let too_long = "a".repeat(256);
    let table = [
        ("", E::EmptyTrustDomain),
        ("spiffe://example.org", E::TrustDomainIsUri),
        ("Example.org", E::TrustDomainUpperCase('E')),
        ("example.org/x", E::TrustDomainCharacter('/')),
        ("example.org:1", E::TrustDomainCharacter(':')),
        ("[::1]", E::TrustDomainCharacter('[')),
        ("example%2eorg", E::TrustDomainCharacter('%')),
        (&too_long, E::TrustDomainTooLong(256)),
        ("example.org.", E::TrustDomainEmptyLabel),
        ("a..b", E::TrustDomainEmptyLabel),
        (".example", E::TrustDomainEmptyLabel),
        (".", E::TrustDomainEmptyLabel),
    ];
    for (name, error) in table {
        assert_eq!(TrustDomain::parse(name), Err(error), "{name:?}");
    }
}

#[test]
fn builds_ids_from_segments() {
    let td = TrustDomain::parse("example.org").unwrap();
    let id = SpiffeId::from_segments(&td, ["ns", "default", "sa", "web"]).unwrap();
    assert_eq!(id.to_string(), "spiffe://example.org/ns/default/sa/web");
    assert_eq!(
        id.segments().collect::<Vec<_>>(),
        ["ns", "default", "sa", "web"]
    );

    let bare = SpiffeId::from_segments(&td, []).unwrap();
    assert_eq!(bare, td.id());
    assert_eq!(bare.segments().count(), 0);

    // SID-4: what a segment may not be.
    assert_eq!(
        SpiffeId::from_segments(&td, ["a", ""]),
        Err(E::EmptySegment)
    );
    assert_eq!(SpiffeId::from_segments(&td, [".."]), Err(E::DotSegment));
    assert_eq!(
        SpiffeId::from_segments(&td, ["a/b"]),
        Err(E::SegmentCharacter('/'))
    );

    // SID-6: 20 bytes of scheme and trust domain, and a slash.
    let fits = "a".repeat(MAX_ID_LENGTH - 21);
    let over = "a".repeat(MAX_ID_LENGTH - 20);
    assert!(SpiffeId::from_segments(&td, [fits.as_str()]).is_ok());
    assert_eq!(
        SpiffeId::from_segments(&td, [over.as_str()]),
        Err(E::TooLong(2049))
    );
}

#[test]
fn messages_state_what_to_change() {
    let message = SpiffeId::parse("spiffe://td/a b").unwrap_err().to_string();
    assert!(
        message.contains("' '") && message.contains("replace"),
        "{message}"
    );
}
