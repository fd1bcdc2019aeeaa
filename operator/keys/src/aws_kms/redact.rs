//! What a server says, as a condition may show it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

/// The longest that a server's message is shown, in characters.
const LIMIT: usize = 200;

/// How many of the last tokens are remembered. A login sends one, and a renewed one another.
const REMEMBERED: usize = 8;

/// The tokens that were sent, so that they can be taken out of what comes back.
#[derive(Clone, Default)]
pub(super) struct Redact(Arc<Mutex<Vec<Zeroizing<String>>>>);

impl Redact {
    /// From now on, this is not shown.
    pub(super) fn remember(&self, token: &str) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if token.is_empty() || tokens.iter().any(|known| known.as_str() == token) {
            return;
        }
        if tokens.len() == REMEMBERED {
            tokens.remove(0);
        }
        tokens.push(Zeroizing::new(token.to_owned()));
    }

    /// A message in one line, without tokens, cut.
    pub(super) fn shown(&self, message: &str) -> String {
        let mut text = message.to_owned();
        for token in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            text = text.replace(token.as_str(), "…");
        }
        let visible = |c: char| if c.is_control() { ' ' } else { c };
        let text: String = text.chars().map(visible).take(LIMIT).collect();
        text.trim().trim_end_matches('.').to_owned()
    }
}

impl fmt::Debug for Redact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redact(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_short_line_without_tokens() {
        let redact = Redact::default();
        redact.remember("t0ken");
        redact.remember("");
        assert_eq!(redact.shown("no\n t0ken, t0ken.\u{7}"), "no  …, …");
        assert_eq!(redact.shown(&"é".repeat(300)).chars().count(), 200);
        assert_eq!(format!("{redact:?}"), "Redact(..)");
    }
}
