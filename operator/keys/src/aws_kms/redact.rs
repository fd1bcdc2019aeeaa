//! The tokens that were sent to AWS, so that they can be taken out of what comes back.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use crate::remote::shown;

/// How many of the last tokens are remembered. A login sends one, and a renewed one another.
const REMEMBERED: usize = 8;

/// The tokens that were sent.
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

    /// What a server said, without tokens and cut, to be continued.
    pub(super) fn shown(&self, message: &str) -> String {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = shown(message, tokens.iter().map(|token| token.as_str()));
        text.trim_end_matches('.').to_owned()
    }
}

impl Redact {
    /// A chain of causes without tokens.
    pub(super) fn shown_cause(&self, cause: &str) -> String {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.iter().fold(cause.to_owned(), |text, token| {
            text.replace(token.as_str(), "…")
        })
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
    fn what_was_sent_is_not_shown() {
        let redact = Redact::default();
        redact.remember("t0ken");
        redact.remember("");
        assert_eq!(redact.shown("no t0ken, t0ken."), "no …, …");
        assert_eq!(format!("{redact:?}"), "Redact(..)");
    }
}
