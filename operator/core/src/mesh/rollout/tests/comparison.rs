//! Both comparisons of istiod.

use super::super::comparison::{accepted_as_bytes, accepted_as_sets};
use super::*;

#[test]
fn compares_bytes_as_1_29_and_sets_as_1_30() {
    let text = |letters: &str| file(letters).as_str().to_owned();
    let read = |text: &str| RootsFile::read(text.as_bytes()).unwrap();
    for (old, new, bytes, sets) in [
        // The same, and what a rotation does.
        (text("A"), text("A"), true, true),
        (text("A"), text("AB"), true, true),
        (text("AB"), text("B"), true, true),
        (text("ABC"), text("BC"), true, true),
        (text("ABC"), text("B"), true, true),
        (text("AB"), text("A"), true, true),
        // Another order, or a gap.
        (text("AB"), text("BA"), false, true),
        (text("A"), text("BA"), true, true),
        (text("ABC"), text("AC"), false, true),
        // Two changes at once.
        (text("A"), text("B"), false, false),
        (text("AB"), text("BC"), false, false),
        // Text that is not a certificate.
        (text("A"), text("A").trim_end().to_owned(), true, true),
        (text("A"), text("A").replace('\n', "\r\n"), false, true),
        (format!("# a\n{}", text("A")), text("AB"), false, true),
        (format!("# a\n{}", text("A")), text("A"), true, true),
    ] {
        let (old, new) = (read(&old), read(&new));
        let shown = format!("{old:?} -> {new:?}");
        assert_eq!(accepted_as_bytes(&old, &new), bytes, "{shown}");
        assert_eq!(accepted_as_sets(&old, &new), sets, "{shown}");
        assert_eq!(accepted_as_bytes(&new, &old), bytes, "{shown}");
        assert_eq!(accepted_as_sets(&new, &old), sets, "{shown}");
    }
}
