//! Patterns of attribute values.

use super::{SHOP, UNKNOWN};
use crate::policy::pattern::{TextPattern, Variable};

fn pattern(text: &str) -> TextPattern {
    let pattern = TextPattern::parse(text).unwrap();
    assert_eq!(pattern.to_string(), text);
    pattern
}

#[test]
fn matches_exactly_or_anything() {
    for (text, value, expected) in [
        ("Example", "Example", true),
        ("Example", "example", false),
        ("Example", "Example ", false),
        ("Example", "", false),
        // Istio's subject is an organization of zero length.
        ("", "", true),
        ("", "x", false),
        ("*", "system:masters", true),
        ("*", "", false),
        ("*", "*", false),
        ("*", "*.example.org", false),
        ("{namespace}", "shop", true),
        ("{namespace}", "Shop", false),
        ("{namespace}", "till", false),
    ] {
        assert_eq!(
            pattern(text).matches(value, &SHOP),
            expected,
            "{text} {value}"
        );
    }
    assert!(!pattern("{namespace}").matches("", &UNKNOWN));
    assert!(pattern("{namespace}").uses(Variable::Namespace));
}

#[test]
fn refuses_wildcards_and_variables_within_a_text() {
    for (text, fault) in [
        ("team-*", "'*' within"),
        ("**", "'*' within"),
        ("team-{namespace}", "unknown variable"),
        ("{team}", "unknown variable"),
        ("a\0b", "control character"),
        ("a\nb", "control character"),
    ] {
        let error = TextPattern::parse(text).unwrap_err().to_string();
        assert!(error.contains(fault), "{text}: {error}");
    }
    assert!(TextPattern::parse(&"a".repeat(257)).is_err());
}
