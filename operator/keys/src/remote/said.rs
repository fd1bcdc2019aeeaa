//! What a server says, as a condition may show it. The server may be anyone's.

use std::time::Duration;

/// The most that is shown of it, in characters.
const SHOWN: usize = 200;

/// The longest that a server is waited for, whatever it asks.
const PATIENCE: Duration = Duration::from_secs(3600);

/// One line of it, without these secrets, cut.
///
/// They are taken out before anything is made of the text, and once more as they stand in one
/// line: an echo need not have the form of what was sent.
pub(crate) fn shown<'a>(text: &str, secrets: impl Iterator<Item = &'a str> + Clone) -> String {
    let text = one_line(&without(text, secrets.clone()));
    let secrets: Vec<_> = secrets.map(one_line).collect();
    let text = without(&text, secrets.iter().map(String::as_str));
    text.chars().take(SHOWN).collect()
}

/// The text without these words.
fn without<'a>(text: &str, secrets: impl Iterator<Item = &'a str>) -> String {
    let secrets = secrets.filter(|secret| !secret.is_empty());
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
}

/// Words with single blanks between them, and nothing that moves a cursor.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// How long the header Retry-After asks to wait, in seconds (RFC 9110 section 10.2.3).
pub(crate) fn retry_after(header: Option<&str>) -> Option<Duration> {
    let seconds = header?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(PATIENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_short_line_without_secrets() {
        let shown = |text: &str| shown(text, ["t0ken", "", "two\nlines  long"].into_iter());
        assert_eq!(shown("no\n t0ken,\t t0ken.\u{7}"), "no …, ….");
        assert_eq!(shown("said two\nlines  long!"), "said …!");
        assert_eq!(shown("said two lines long!"), "said …!");
        assert_eq!(shown("a\u{1b}[31m"), "a [31m");
        assert_eq!(shown(&"é".repeat(300)).chars().count(), 200);
    }

    #[test]
    fn patience_has_an_end() {
        assert_eq!(retry_after(Some(" 7 ")), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(Some("18446744073709551615")), Some(PATIENCE));
        for nothing in [None, Some(""), Some("-1"), Some("soon")] {
            assert_eq!(retry_after(nothing), None);
        }
    }
}
