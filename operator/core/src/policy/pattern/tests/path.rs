//! Path patterns.

use super::{SHOP, UNKNOWN};
use crate::policy::pattern::{Bindings, PathPattern, Variable};

fn pattern(text: &str) -> PathPattern {
    let pattern = PathPattern::parse(text).unwrap();
    assert_eq!(pattern.to_string(), text);
    pattern
}

#[track_caller]
fn matches(text: &str, path: &str, bindings: &Bindings<'_>) -> bool {
    pattern(text).matches(path.split('/').skip(1), bindings)
}

#[test]
fn matches_whole_segments() {
    for (text, path, expected) in [
        (
            "/ns/{namespace}/sa/{serviceAccount}",
            "/ns/shop/sa/web",
            true,
        ),
        (
            "/ns/{namespace}/sa/{serviceAccount}",
            "/ns/shop/sa/api",
            false,
        ),
        (
            "/ns/{namespace}/sa/{serviceAccount}",
            "/ns/till/sa/web",
            false,
        ),
        (
            "/ns/{namespace}/sa/{serviceAccount}",
            "/ns/Shop/sa/web",
            false,
        ),
        (
            "/ns/{namespace}/sa/{serviceAccount}",
            "/NS/shop/sa/web",
            false,
        ),
        (
            "/ns/{namespace}/sa/{serviceAccount}",
            "/ns/shop/sa/web/x",
            false,
        ),
        ("/ns/{namespace}/sa/{serviceAccount}", "/ns/shop/sa", false),
        (
            "/ns/{namespace}/certificate/{certificate}",
            "/ns/shop/certificate/tls",
            true,
        ),
        ("/ns/{namespace}/*", "/ns/shop/a", true),
        ("/ns/{namespace}/*", "/ns/shop/a/b", false),
        ("/ns/{namespace}/*", "/ns/shop", false),
        ("/ns/{namespace}/**", "/ns/shop/a/b/c", true),
        ("/ns/{namespace}/**", "/ns/shop/a", true),
        ("/ns/{namespace}/**", "/ns/shop", false),
        ("/ns/{namespace}/**", "/ns/shopping/a", false),
        ("/ns/*/sa/web", "/ns/any/sa/web", true),
        ("/ns/*/sa/web", "/ns/any/x/sa/web", false),
        ("/**", "/a", true),
        ("/**", "", false),
        ("/a.b-c_D", "/a.b-c_D", true),
        ("/a.b", "/aXb", false),
    ] {
        assert_eq!(matches(text, path, &SHOP), expected, "{text} {path}");
    }
}

#[test]
fn a_variable_without_a_value_matches_nothing() {
    for path in ["/ns/shop", "/ns/{namespace}", "/ns/", "/ns"] {
        assert!(!matches("/ns/{namespace}", path, &UNKNOWN), "{path}");
    }
    let empty = Bindings {
        namespace: Some(""),
        ..UNKNOWN
    };
    assert!(!matches("/ns/{namespace}", "/ns/", &empty));
    assert!(!matches("/ns/{namespace}/**", "/ns//a", &empty));
}

#[test]
fn a_wildcard_matches_no_segment_outside_of_sid_4() {
    for path in [
        "/ns/..",
        "/ns/.",
        "/ns/",
        "/ns/%2e%2e",
        "/ns/a%2fb",
        "/ns/*",
        "/ns/a:b",
    ] {
        assert!(!matches("/ns/*", path, &SHOP), "{path}");
        assert!(!matches("/ns/**", path, &SHOP), "{path}");
        assert!(
            !matches("/ns/**", &format!("/ns/a{}", &path[3..]), &SHOP),
            "{path}"
        );
    }
}

#[test]
fn refuses_what_is_not_a_pattern_of_whole_segments() {
    for (text, fault) in [
        ("", "does not start with '/'"),
        ("ns/shop", "does not start with '/'"),
        ("spiffe://example.org/a", "does not start with '/'"),
        ("/", "empty segment"),
        ("/ns//a", "empty segment"),
        ("/ns/", "empty segment"),
        ("/ns/./a", "'.' or '..'"),
        ("/ns/../a", "'.' or '..'"),
        ("/ns/shop-*", "'*' within a segment"),
        ("/ns/***", "'*' within a segment"),
        ("/ns/**/sa", "'**' before its end"),
        ("/**/**", "'**' before its end"),
        ("/ns/{Namespace}", "unknown variable"),
        ("/ns/{namespace}-x", "unknown variable"),
        ("/ns/{ namespace }", "unknown variable"),
        ("/ns/{}", "unknown variable"),
        ("/ns/a%2fb", "a character other than"),
        ("/ns/ä", "a character other than"),
        ("/ns/a b", "a character other than"),
    ] {
        let error = PathPattern::parse(text).unwrap_err().to_string();
        assert!(error.contains(fault), "{text}: {error}");
        assert!(error.starts_with("the path pattern \""), "{error}");
    }
    let long = "/a".repeat(1025);
    let error = PathPattern::parse(&long).unwrap_err().to_string();
    assert!(error.contains("2048 bytes") && error.len() < 300, "{error}");
}

#[test]
fn fills_in_variables() {
    let account = pattern("/ns/{namespace}/sa/{serviceAccount}");
    assert_eq!(account.fill(&SHOP).unwrap(), ["ns", "shop", "sa", "web"]);
    assert_eq!(account.fill(&UNKNOWN), None);
    assert_eq!(account.describe(&SHOP), "/ns/shop/sa/web");
    for wildcard in ["/ns/{namespace}/*", "/ns/{namespace}/**"] {
        assert_eq!(pattern(wildcard).fill(&SHOP), None);
    }
}

#[test]
fn knows_what_it_consists_of() {
    for (text, literal) in [
        ("/ns/shop/sa/web", true),
        ("/ns/{namespace}/sa/web", false),
        ("/ns/{namespace}/**", false),
        ("/ns/*/{namespace}", false),
        ("/*/sidecar/*/*", false),
        ("/**", false),
    ] {
        let pattern = pattern(text);
        assert_eq!(pattern.is_literal(), literal, "{text}");
        assert_eq!(pattern.begins_with_wildcard(), text.starts_with("/*"));
        assert_eq!(
            pattern.uses(Variable::Namespace),
            text.contains("{namespace}")
        );
        assert_eq!(pattern.has_wildcard(), text.contains('*'));
    }
}
