//! Takes secrets out of what comes back from a server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use zeroize::Zeroizing;

/// How much of a server's message is shown, in characters.
const MAX_SHOWN: usize = 200;

/// How many of the last secrets are remembered. A login sends one, and the next one another.
const MAX_SECRETS: usize = 8;

/// The longest Retry-After, whatever a server sends.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The secrets that were sent to a server. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Redactor(Arc<Mutex<Vec<Zeroizing<String>>>>);

impl Redactor {
    /// Takes this out of messages from now on.
    pub(crate) fn remember(&self, secret: &str) {
        let mut secrets = self.0.lock();
        if secret.is_empty() || secrets.iter().any(|known| known.as_str() == secret) {
            return;
        }
        if secrets.len() == MAX_SECRETS {
            secrets.remove(0);
        }
        secrets.push(Zeroizing::new(secret.to_owned()));
    }

    /// A server's message in one line, without secrets, cut, and to be continued.
    ///
    /// They are taken out before anything is made of the text, and once more as they are in one
    /// line: an echo need not have the form of what was sent.
    pub(crate) fn message(&self, text: &str) -> String {
        let line = self.line(text);
        let cut: String = line.chars().take(MAX_SHOWN).collect();
        cut.trim_end_matches('.').to_owned()
    }

    /// A text in one line and without secrets.
    pub(crate) fn line(&self, text: &str) -> String {
        let secrets = self.0.lock();
        let without = |text: &str, form: fn(&str) -> String| {
            let forms = secrets.iter().map(|secret| Zeroizing::new(form(secret)));
            forms.fold(text.to_owned(), |text, secret| {
                text.replace(secret.as_str(), "…")
            })
        };
        let text = one_line(&without(text, str::to_owned));
        without(&text, one_line)
    }
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
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_one_short_line_without_secrets() {
        let redactor = Redactor::default();
        for secret in ["t0ken", "", "two\nlines  long"] {
            redactor.remember(secret);
        }
        let shown = |text: &str| redactor.message(text);
        assert_eq!(shown("no\n t0ken,\t t0ken.\u{7}"), "no …, …");
        assert_eq!(shown("said two\nlines  long!"), "said …!");
        assert_eq!(shown("said two lines long!"), "said …!");
        assert_eq!(shown("a\u{1b}[31m"), "a [31m");
        assert_eq!(shown(&"é".repeat(300)).chars().count(), 200);
        assert_eq!(format!("{redactor:?}"), "Redactor(..)");
    }

    #[test]
    fn remembers_the_last_secrets() {
        let redactor = Redactor::default();
        for number in 0..100 {
            redactor.remember(&format!("secret-{number:03}"));
        }
        assert_eq!(redactor.message("secret-099"), "…");
        assert_eq!(redactor.0.lock().len(), MAX_SECRETS);
    }

    #[test]
    fn limits_what_a_server_may_ask_for() {
        assert_eq!(retry_after(Some(" 7 ")), Some(Duration::from_secs(7)));
        assert_eq!(
            retry_after(Some("18446744073709551615")),
            Some(MAX_RETRY_AFTER)
        );
        for nothing in [None, Some(""), Some("-1"), Some("soon")] {
            assert_eq!(retry_after(nothing), None);
        }
    }
}
