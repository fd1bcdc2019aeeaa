//! DNS patterns.

use super::{SHOP, UNKNOWN};
use crate::policy::pattern::{Bindings, DnsPattern, Variable};

fn pattern(text: &str) -> DnsPattern {
    let pattern = DnsPattern::parse(text).unwrap();
    assert_eq!(pattern.to_string(), text);
    pattern
}

#[test]
fn matches_whole_labels_without_regard_to_case() {
    for (text, name, expected) in [
        ("www.example.org", "www.example.org", true),
        ("www.example.org", "WWW.Example.ORG", true),
        ("www.example.org", "www.example.org.", false),
        ("www.example.org", "www.example.com", false),
        ("www.example.org", "x.www.example.org", false),
        ("www.example.org", "example.org", false),
        ("*.{namespace}.svc", "web.shop.svc", true),
        ("*.{namespace}.svc", "web.SHOP.svc", true),
        ("*.{namespace}.svc", "web.shopping.svc", false),
        ("*.{namespace}.svc", "shop.svc", false),
        ("*.{namespace}.svc", "a.web.shop.svc", false),
        ("**.{namespace}.svc", "a.web.shop.svc", true),
        ("**.{namespace}.svc", "web.shop.svc", true),
        ("**.{namespace}.svc", "shop.svc", false),
        ("a.*.example.org", "a.b.example.org", true),
        ("a.*.example.org", "a.b.c.example.org", false),
        ("**", "localhost", true),
        ("*", "localhost", true),
        ("*", "a.b", false),
        ("_sip._tcp.example.org", "_sip._tcp.example.org", true),
        ("xn--bcher-kva.example", "XN--bcher-kva.example", true),
        ("bucher.example", "xn--bcher-kva.example", false),
        ("*.example", "xn--bcher-kva.example", true),
        // Verifiers read these as IP addresses.
        ("**", "10.0.0.1", false),
        ("*.*", "10.1", false),
        ("**", "a..b", false),
        ("**", "", false),
        ("*", "", false),
        ("**", "a b", false),
        ("**", "b\u{fc}cher.example", false),
    ] {
        assert_eq!(
            pattern(text).matches(name, &SHOP, false),
            expected,
            "{text} {name}"
        );
    }
}

#[test]
fn a_wildcard_name_needs_the_right_to_wildcards_and_a_wildcard_in_its_place() {
    for (text, name, expected) in [
        ("*.example.org", "*.example.org", true),
        ("**.example.org", "*.a.example.org", true),
        ("**", "*.example.org", true),
        ("*.{namespace}.svc", "*.shop.svc", true),
        ("*.{namespace}.svc", "*.till.svc", false),
        ("www.example.org", "*.example.org", false),
        ("{namespace}.example.org", "*.example.org", false),
        ("*.*.example.org", "*.example.org", false),
        ("*.example.org", "*.*.example.org", false),
        ("**.example.org", "a.*.example.org", false),
        ("*.example.org", "*", false),
        ("*", "*", false),
        ("**", "*", false),
        ("**.example.org", "w*.example.org", false),
    ] {
        assert_eq!(
            pattern(text).matches(name, &SHOP, true),
            expected,
            "{text} {name}"
        );
        assert!(!pattern(text).matches(name, &SHOP, false), "{text} {name}");
    }
}

#[test]
fn a_variable_that_is_not_one_label_matches_nothing() {
    let bindings = Bindings {
        service_account: Some("web.v2"),
        ..SHOP
    };
    for name in ["web.v2.example.org", "web.example.org", "v2.example.org"] {
        let account = pattern("{serviceAccount}.example.org");
        assert!(!account.matches(name, &bindings, true), "{name}");
        assert!(!pattern("{namespace}.example.org").matches(name, &UNKNOWN, true));
    }
}

#[test]
fn refuses_what_is_not_a_pattern_of_whole_labels() {
    for (text, fault) in [
        ("", "empty label"),
        (".example.org", "empty label"),
        ("example.org.", "empty label"),
        ("*.example..org", "empty label"),
        ("a.**.example.org", "'**' after its start"),
        ("**.**", "'**' after its start"),
        ("w*.example.org", "'*' within a label"),
        ("{namespace}-x.example.org", "unknown variable"),
        ("{namespaces}.example.org", "unknown variable"),
        ("a b.example.org", "a character other than"),
        ("b\u{fc}cher.example", "a character other than"),
        ("10.0.0.1", "list an IP address"),
        ("a/b.example.org", "a character other than"),
    ] {
        let error = DnsPattern::parse(text).unwrap_err().to_string();
        assert!(error.contains(fault), "{text}: {error}");
    }
    let long = format!("*.{}", ["a"; 128].join("."));
    assert!(DnsPattern::parse(&long).is_err());
    assert!(DnsPattern::parse(&"a".repeat(64)).is_err());
    assert_eq!(
        DnsPattern::parse("*.Example.ORG").unwrap(),
        pattern("*.example.org")
    );
}

#[test]
fn shows_values_of_variables() {
    let namespace = pattern("*.{namespace}.svc");
    assert_eq!(namespace.describe(&SHOP), "*.shop.svc");
    assert!(namespace.uses(Variable::Namespace));
    assert!(!namespace.uses(Variable::Certificate));
}
