//! What comes of a request that gave nothing.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use rustify::errors::ClientError;
use serde::Deserialize;

use super::place::Place;
use crate::error::{ErrorClass, KeyError};
use crate::remote::{retry_after, shown};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// There is no server that says anything.
    #[error(transparent)]
    Away(#[from] KeyError),
    /// The server said no.
    #[error("the server refuses")]
    Refused(Refusal),
}

/// A server's no. `Debug` does not show what the server said, which may be what it was sent.
#[derive(Clone)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// What stands in the list `errors` of the answer; maybe empty.
    said: String,
    retry_after: Option<Duration>,
}

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<String>,
}

impl Failure {
    /// What our transport put into the error of the library.
    pub(super) fn from_client(error: ClientError, place: &Place) -> Self {
        if let ClientError::GenericError { source } = error
            && let Ok(failure) = source.downcast::<Self>()
        {
            return failure;
        }
        wrong_answer(place).into()
    }

    /// Whether the server does not accept the token, or its policies do not allow the request.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_denied())
    }

    /// Whether the server will say the same again: it means what was asked, and not its own state.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Refused(refusal) if matches!(refusal.status.as_u16(), 400 | 401 | 403 | 404))
    }

    /// Whether the server may have meant the key or the request, and not its own state.
    pub(super) fn is_about_the_request(&self) -> bool {
        matches!(self, Self::Refused(refusal) if matches!(refusal.status.as_u16(), 400 | 404 | 500))
    }

    /// The same, fit to be shown: without these words, in one line, cut.
    pub(super) fn without(self, secrets: &[&str]) -> Self {
        let Self::Refused(mut refusal) = self else {
            return self;
        };
        refusal.said = plain(&shown(&refusal.said, secrets.iter().copied()));
        Self::Refused(refusal)
    }

    /// The error, where the server's no is about `what`; `class` is for a no that is not about
    /// the server's own state.
    pub(super) fn about(self, place: &Place, what: &str, class: ErrorClass) -> KeyError {
        match self {
            Self::Away(error) => error,
            Self::Refused(refusal) => refusal.about(place, what, class),
        }
    }
}

impl Refusal {
    /// Reads an answer: of its body only the field `errors`.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let errors = serde_json::from_slice::<Errors>(body).map(|body| body.errors);
        let header = headers.get(http::header::RETRY_AFTER);
        Self {
            status,
            said: errors.unwrap_or_default().join("; "),
            retry_after: retry_after(header.and_then(|header| header.to_str().ok())),
        }
    }

    pub(super) fn is_denied(&self) -> bool {
        matches!(self.status.as_u16(), 401 | 403)
    }

    fn about(&self, place: &Place, what: &str, class: ErrorClass) -> KeyError {
        let server = place.server();
        let (class, sentence) = match self.status.as_u16() {
            429 => (
                ErrorClass::Throttled(self.retry_after),
                format!("{server} asks for patience"),
            ),
            300..=399 => (
                ErrorClass::InvalidResponse,
                format!(
                    "{server} redirects to another address, which is not followed; name the \
                     active server or its load balancer"
                ),
            ),
            503 if self.said.contains("sealed") => {
                let sentence = format!("{server} is sealed; unseal it");
                return KeyError::new(ErrorClass::Unreachable, sentence);
            }
            // 412, 472 and 473 are of Vault's replicas that are behind or standing by.
            412 | 472 | 473 | 500..=599 => (
                ErrorClass::Unreachable,
                format!(
                    "{server} cannot answer now (status {})",
                    self.status.as_u16()
                ),
            ),
            404 if self.said == "namespace not found" => {
                let namespace = place.namespace.as_deref().unwrap_or_default();
                return KeyError::new(
                    ErrorClass::KeyNotFound,
                    format!("{server} has no namespace {namespace}; see vaultTransit.namespace"),
                );
            }
            _ => (class, what.to_owned()),
        };
        if self.said.is_empty() {
            return KeyError::new(class, sentence);
        }
        KeyError::new(class, format!("{sentence}; it says: {}", self.said))
    }
}

/// The server gave something that Vault does not.
pub(super) fn wrong_answer(place: &Place) -> KeyError {
    let server = place.server();
    let sentence =
        format!("{server} gave an answer that is none of Vault's; see what stands there");
    KeyError::new(ErrorClass::InvalidResponse, sentence)
}

/// Without the headline that counts the errors, and the bullets of the list.
fn plain(said: &str) -> String {
    let words: Vec<_> = said.split(' ').filter(|word| *word != "*").collect();
    let line = words.join(" ");
    match line.strip_prefix("1 error occurred: ") {
        Some(line) => line.to_owned(),
        None => line,
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            address: "https://vault".to_owned(),
            namespace: None,
            mount: "transit".to_owned(),
            name: "ca".to_owned(),
        }
    }

    fn refusal(status: u16, body: &str) -> Failure {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "7".parse().unwrap());
        let status = StatusCode::from_u16(status).unwrap();
        Failure::Refused(Refusal::read(status, &headers, body.as_bytes()))
    }

    #[test]
    fn a_status_has_its_class() {
        let seven = Some(Duration::from_secs(7));
        for (status, class) in [
            (302, ErrorClass::InvalidResponse),
            (307, ErrorClass::InvalidResponse),
            (400, ErrorClass::KeyUnusable),
            (403, ErrorClass::KeyUnusable),
            (412, ErrorClass::Unreachable),
            (429, ErrorClass::Throttled(seven)),
            (472, ErrorClass::Unreachable),
            (473, ErrorClass::Unreachable),
            (500, ErrorClass::Unreachable),
            (502, ErrorClass::Unreachable),
            (503, ErrorClass::Unreachable),
        ] {
            let failure = refusal(status, "");
            let is_final = matches!(status, 400 | 403);
            assert_eq!(failure.is_final(), is_final, "{status}");
            let error = failure.about(&place(), "no", ErrorClass::KeyUnusable);
            assert_eq!(error.class, class, "{status}");
        }
        let sealed = refusal(503, r#"{"errors":["Vault is sealed"]}"#);
        let error = sealed.about(&place(), "no", ErrorClass::KeyUnusable);
        assert_eq!(
            error.message,
            "the Vault at https://vault is sealed; unseal it"
        );
    }

    #[test]
    fn of_an_answer_only_the_errors_are_shown_in_one_line_and_cut() {
        let message = |body: &str| {
            let failure = refusal(400, body).without(&["s3cr3t", ""]);
            failure
                .about(&place(), "no", ErrorClass::KeyUnusable)
                .message
        };
        assert_eq!(message("<html>the intranet</html>"), "no");
        assert_eq!(message(r#"{"password":"x","errors":[]}"#), "no");
        assert_eq!(
            message(r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#),
            "no; it says: permission denied"
        );
        assert_eq!(
            message(r#"{"errors":["a\u001b[31m", "b"]}"#),
            "no; it says: a [31m; b"
        );
        assert_eq!(
            message(r#"{"errors":["bad s3cr3t!"]}"#),
            "no; it says: bad …!"
        );
        let long = format!(r#"{{"errors":["{}"]}}"#, "é".repeat(1000));
        assert_eq!(message(&long), format!("no; it says: {}", "é".repeat(200)));
    }
}
