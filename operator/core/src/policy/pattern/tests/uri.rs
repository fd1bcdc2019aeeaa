//! URI patterns.

use super::SHOP;
use crate::policy::pattern::{UriPattern, Variable};

fn pattern(text: &str) -> UriPattern {
    let pattern = UriPattern::parse(text).unwrap();
    assert_eq!(pattern.to_string(), text);
    pattern
}

/// The pattern, and below it what it matches (`+`) and what it does not (`-`).
const TABLE: &str = "
https://api.example.org/{namespace}/*
  + https://api.example.org/shop/a
  + HTTPS://API.example.org/shop/a
  - https://api.example.org/till/a
  - https://api.example.org/SHOP/a
  - http://api.example.org/shop/a
https://api.example.org/**
  - https://api.example.org.evil.example/a
  - https://api.example.org:8443/a
  - https://user@api.example.org/a
  - https://api.example.org@evil.example/a
  - https://api.example.org/a?b=c
  - https://api.example.org/a#b
  - https://api.example.org/a/../b
  - https://api.example.org/a/%2e%2e/b
  - https://api.example.org/a//b
  - https://api.example.org
  - https://api.example.org/
https://api.example.org
  + https://api.example.org
  - https://api.example.org/
https://api.example.org/
  + https://api.example.org/
https://api.example.org:8443/a
  + https://api.example.org:8443/a
https://[2001:db8::1]/a
  + https://[2001:DB8::1]/a
spiffe://example.org/ns/{namespace}/sa/*
  + spiffe://example.org/ns/shop/sa/web
  - spiffe:/example.org/ns/shop/sa/web
  - spiffe:example.org/ns/shop/sa/web
urn:uuid:1
  + urn:uuid:1
  + URN:uuid:1
  - urn:UUID:1
  - urn:uuid:1?x
  - urn://uuid:1
file:///srv/{namespace}
  + file:///srv/shop
  - file://host/srv/shop
";

#[test]
fn matches_scheme_and_host_as_they_are_and_the_path_by_segments() {
    let mut own = None;
    for line in TABLE.lines().skip(1) {
        match line.trim().split_once(' ') {
            None => own = Some(pattern(line)),
            Some((sign, uri)) => {
                let matches = own.as_ref().unwrap().matches(uri, &SHOP);
                assert_eq!(matches, sign == "+", "{own:?} {uri}");
            }
        }
    }
    let mixed = UriPattern::parse("HTTPS://API.example.org/A").unwrap();
    assert_eq!(mixed, pattern("https://api.example.org/A"));
}

#[test]
fn refuses_wildcards_outside_of_the_path() {
    for (text, fault) in [
        ("https://*.example.org/a", "outside its path"),
        ("https://{namespace}.example.org/a", "outside its path"),
        ("*://example.org/a", "outside its path"),
        ("urn:{namespace}", "outside its path"),
        ("https://example.org/a?b", "a query"),
        ("https://user@example.org/a", "user information"),
        ("https://example.org/a#b", "a fragment"),
        ("example.org/a", "not absolute"),
        ("https://exa mple.org/a", "not allowed in a URI"),
        ("https://example.org/a*", "'*' within a segment"),
        ("https://example.org/a/", "empty segment"),
        ("https://example.org/a%20b", "a character other than"),
        ("https://ex\u{e4}mple.org/a", "not allowed in a URI"),
        ("https://example.org:x/a", "port"),
        ("", "not absolute"),
    ] {
        let error = UriPattern::parse(text).unwrap_err().to_string();
        assert!(error.contains(fault), "{text}: {error}");
    }
    assert!(pattern("https://a.example/{namespace}").uses(Variable::Namespace));
    assert!(!pattern("https://a.example").uses(Variable::Namespace));
}
