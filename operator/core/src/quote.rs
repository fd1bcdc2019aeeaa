//! How the text of others is shown in a message: escaped, and short.

use const_oid::ObjectIdentifier;
use const_oid::db::DB;

/// The most characters of a name that a message repeats.
const MAX_SHOWN: usize = 80;

/// The most characters of a distinguished name that are shown.
const MAX_NAME: usize = 400;

/// The most characters of another program's message that are shown.
const MAX_MESSAGE: usize = 300;

/// Returns another program's message in quotes, with control characters escaped and its end cut off
/// when it is long.
pub fn message(text: &str) -> String {
    let (shown, rest) = cut(text, MAX_MESSAGE);
    format!("{shown:?}{rest}")
}

/// Returns the text in quotes, with control characters escaped and its end cut off when it is long.
pub(crate) fn text(text: &str) -> String {
    let (shown, rest) = cut(text, MAX_SHOWN);
    format!("{shown:?}{rest}")
}

/// A distinguished name in one line: control characters escaped, and its end cut off when it is
/// long.
pub(crate) fn name(name: &str) -> String {
    let (shown, rest) = cut(name, MAX_NAME);
    // Of what `Debug` escapes, quotation marks and backslashes stay as RFC 4514 writes them.
    let quoted = format!("{shown:?}");
    let escaped = &quoted[1..quoted.len() - 1];
    escaped.replace("\\\"", "\"").replace("\\\\", "\\") + rest
}

fn cut(text: &str, max: usize) -> (&str, &'static str) {
    match text.char_indices().nth(max) {
        Some((end, _)) => (&text[..end], "…"),
        None => (text, ""),
    }
}

/// Returns the object identifier, with its name where it has a well-known one.
pub(crate) fn oid(oid: &ObjectIdentifier) -> String {
    match DB.by_oid(oid) {
        Some(name) => format!("{oid} ({name})"),
        None => oid.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use const_oid::ObjectIdentifier;

    use super::{name, oid, text};

    #[test]
    fn escapes_and_shortens_text() {
        assert_eq!(text("a\0b"), "\"a\\0b\"");
        assert_eq!(text("a\u{202e}b"), "\"a\\u{202e}b\"");
        assert_eq!(text(&"ä".repeat(81)), format!("\"{}\"…", "ä".repeat(80)));
        assert_eq!(text(&"ä".repeat(80)), format!("\"{}\"", "ä".repeat(80)));
    }

    #[test]
    fn shows_a_name_in_one_line() {
        let plain = r#"CN=A\, B,O="x"\20"#;
        assert_eq!(name(plain), plain);
        assert_eq!(name(r#""quoted""#), r#""quoted""#);
        assert_eq!(name("CN=a\nb\u{81}\u{1b}"), r"CN=a\nb\u{81}\u{1b}");
        assert_eq!(name(&"ü".repeat(401)), format!("{}…", "ü".repeat(400)));
    }

    #[test]
    fn shows_an_oid_with_its_name() {
        let policies = ObjectIdentifier::new_unwrap("2.5.29.32");
        assert_eq!(oid(&policies), "2.5.29.32 (id-ce-certificatePolicies)");
        assert_eq!(
            oid(&ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1")),
            "1.3.6.1.4.1.99999.1"
        );
    }
}
