//! Email patterns.

use super::{SHOP, UNKNOWN};
use crate::policy::pattern::{EmailPattern, Variable};

fn pattern(text: &str) -> EmailPattern {
    let pattern = EmailPattern::parse(text).unwrap();
    assert_eq!(pattern.to_string(), text);
    pattern
}

#[test]
fn matches_the_local_part_with_regard_to_case_and_the_host_without() {
    for (text, mailbox, expected) in [
        ("alice@example.org", "alice@example.org", true),
        ("alice@example.org", "alice@EXAMPLE.org", true),
        ("alice@example.org", "Alice@example.org", false),
        ("alice@example.org", "alice@mail.example.org", false),
        ("*@example.org", "a.b+c@example.org", true),
        ("*@example.org", "a@sub.example.org", false),
        ("*@example.org", "@example.org", false),
        ("*@example.org", "example.org", false),
        ("*@example.org", "*@example.org", false),
        ("*@example.org", "\"a@evil.example\"@example.org", false),
        ("*@example.org", "\"a b\"@example.org", false),
        ("*@example.org", "a@evil.example@example.org", false),
        ("*@example.org", "a@example.org.", false),
        (
            "{serviceAccount}@{namespace}.example.org",
            "web@shop.example.org",
            true,
        ),
        (
            "{serviceAccount}@{namespace}.example.org",
            "web@till.example.org",
            false,
        ),
        (
            "{serviceAccount}@{namespace}.example.org",
            "Web@shop.example.org",
            false,
        ),
    ] {
        assert_eq!(
            pattern(text).matches(mailbox, &SHOP),
            expected,
            "{text} {mailbox}"
        );
    }
    assert!(!pattern("{namespace}@example.org").matches("@example.org", &UNKNOWN));
}

#[test]
fn refuses_wildcards_in_the_host() {
    for (text, fault) in [
        ("example.org", "has no '@'"),
        ("a@*.example.org", "'*' in its host"),
        ("a@**", "'*' in its host"),
        ("a*@example.org", "'*' within the name"),
        ("{user}@example.org", "unknown variable"),
        ("a@{namespace}x.example.org", "unknown variable"),
        ("@example.org", "empty"),
        ("a@", "empty label"),
        ("\"a b\"@example.org", "needs quotes"),
    ] {
        let error = EmailPattern::parse(text).unwrap_err().to_string();
        assert!(error.contains(fault), "{text}: {error}");
    }
    assert!(EmailPattern::parse(&format!("{}@example.org", "a".repeat(320))).is_err());
    assert!(pattern("*@{namespace}.example.org").uses(Variable::Namespace));
    assert!(pattern("{certificate}@example.org").uses(Variable::Certificate));
}
