//! What goes wrong with a Vault, whatever it is used for.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use super::server::{Consumer, Server};
use crate::error::{ErrorClass, KeyError};
use crate::key_errors::key_errors;
use crate::remote::{Redactor, retry_after};

key_errors! {
    /// What goes wrong with a Vault or OpenBao, whatever it is used for.
    pub enum VaultError {
        Throttled { server: String, retry_after: Option<Duration>, detail: ServerMessage } => ErrorClass::Throttled(*retry_after),
            "{server} is rate limiting requests{detail}";
        Redirect { server: String, consumer: Consumer, detail: ServerMessage } => ErrorClass::InvalidResponse,
            "{server} redirects to another address, which is not followed; set \
             {consumer}.address to the active server or its load balancer{detail}";
        Sealed { server: String } => ErrorClass::Unreachable,
            "{server} is sealed; unseal it";
        Unavailable { server: String, status: u16, detail: ServerMessage } => ErrorClass::Unreachable,
            "{server} cannot serve requests now (status {status}){detail}";
        NoNamespace { server: String, consumer: Consumer, namespace: String } => ErrorClass::KeyNotFound,
            "{server} has no namespace {namespace}; correct {consumer}.namespace";
        LoginRefused { server: String, consumer: Consumer, method: &'static str, mount: String, detail: ServerMessage } => ErrorClass::CredentialsRefused,
            "{server} refuses the login by {method} at auth/{mount}; check its role and \
             {consumer}.auth{detail}";
        TokenNotFound { server: String, detail: ServerMessage } => ErrorClass::CredentialsRefused,
            "{server} refuses the token of tokenRef; put a valid token into the Secret{detail}";
        Denied { server: String, permission: String, hint: &'static str, detail: ServerMessage } => ErrorClass::CredentialsRefused,
            "{server} lets Signet log in and denies it {permission}; add that to the policy of \
             the role or token{hint}{detail}";
        TokenDenied { server: String, permission: String, hint: &'static str } => ErrorClass::CredentialsRefused,
            "{server} denies {permission} to the token of tokenRef; add that to the token's policy{hint}";
        TokenRefused { server: String, permission: String, hint: &'static str } => ErrorClass::CredentialsRefused,
            "{server} does not accept the token of tokenRef, or denies it {permission}; put a \
             valid token with that policy into the Secret{hint}";
        InvalidResponse { server: String, consumer: Consumer } => ErrorClass::InvalidResponse,
            "{server} did not return a Vault response; check {consumer}.address";
        InvalidPath { consumer: Consumer, field: &'static str } => ErrorClass::KeyUnusable,
            "{consumer}.{field} is not a name that Vault has; use letters, digits, '_', '-' and \
             '.'";
        JwtSource { consumer: Consumer } => ErrorClass::KeyUnusable,
            "{consumer}.auth.jwt: set exactly one of tokenRef and serviceAccountRef";
        InvalidToken { secret: String, key: String } => ErrorClass::CredentialsRefused,
            "{key} of the Secret {secret} is not a Vault token; put the token there, and nothing \
             else";
        InvalidClientCertificate { secret: String } => ErrorClass::CredentialsRefused,
            "the Secret {secret} has no client certificate; put the certificate under tls.crt and \
             its key under tls.key, in PEM";
    }
}

/// What a server says in the list `errors`, at the end of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerMessage(pub(crate) String);

impl fmt::Display for ServerMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            "" => Ok(()),
            detail => write!(f, "; the server returned: {detail}"),
        }
    }
}

/// Why a request has no result.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    NoResponse(KeyError),
    Refused {
        status: u16,
        detail: ServerMessage,
        retry_after: Option<Duration>,
    },
}

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<String>,
}

impl<E: Into<KeyError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::NoResponse(error.into())
    }
}

impl Failure {
    /// Reads a response with an error status: of its body only the field `errors`.
    pub(crate) fn refused(response: &http::Response<Vec<u8>>, redactor: &Redactor) -> Self {
        let errors = serde_json::from_slice::<Errors>(response.body()).map(|body| body.errors);
        let header = response.headers().get(http::header::RETRY_AFTER);
        let detail = redactor.message(&errors.unwrap_or_default().join("; "));
        Self::Refused {
            status: response.status().as_u16(),
            detail: ServerMessage(without_list_marks(&detail)),
            retry_after: retry_after(header.and_then(|header| header.to_str().ok())),
        }
    }

    /// Whether the server does not accept the token, or its policies do not allow the request.
    pub(crate) fn is_denied(&self) -> bool {
        self.has_status(&[401, 403])
    }

    /// Whether the server will refuse it again: it is about the request, and not about its own
    /// state.
    pub(super) fn is_final(&self) -> bool {
        self.has_status(&[400, 401, 403, 404])
    }

    /// Whether it may be about the key, and not about the server's own state.
    pub(crate) fn may_be_about_the_key(&self) -> bool {
        self.has_status(&[400, 404, 500])
    }

    fn has_status(&self, statuses: &[u16]) -> bool {
        matches!(self, Self::Refused { status, .. } if statuses.contains(status))
    }

    /// The status and the message of a refusal.
    pub(crate) fn refusal(&self) -> Option<(u16, &ServerMessage)> {
        match self {
            Self::NoResponse(_) => None,
            Self::Refused { status, detail, .. } => Some((*status, detail)),
        }
    }

    /// The error, which is this one where a refusal is not about the server's own state.
    pub(crate) fn or<E: Into<KeyError>>(
        self,
        on: &Server,
        refused: impl FnOnce(ServerMessage) -> E,
    ) -> KeyError {
        let (status, detail, retry_after) = match self {
            Self::NoResponse(error) => return error,
            Self::Refused {
                status,
                detail,
                retry_after,
            } => (status, detail, retry_after),
        };
        let (server, consumer) = (on.name(), on.consumer);
        let error = match status {
            429 => VaultError::Throttled {
                server,
                retry_after,
                detail,
            },
            300..=399 => VaultError::Redirect {
                server,
                consumer,
                detail,
            },
            503 if detail.0.contains("sealed") => VaultError::Sealed { server },
            // 412, 472 and 473 are of replicas that are behind or standing by.
            412 | 472 | 473 | 500..=599 => VaultError::Unavailable {
                server,
                status,
                detail,
            },
            404 if detail.0 == "namespace not found" => VaultError::NoNamespace {
                server,
                consumer,
                namespace: on.namespace.clone().unwrap_or_default(),
            },
            _ => return refused(detail).into(),
        };
        error.into()
    }
}

/// Without the headline that counts the errors, and the bullets of the list.
fn without_list_marks(detail: &str) -> String {
    let words: Vec<_> = detail.split(' ').filter(|word| *word != "*").collect();
    words.join(" ").replacen("1 error occurred: ", "", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, body: &str) -> KeyError {
        let response = http::Response::builder()
            .status(status)
            .header("retry-after", "7")
            .body(body.as_bytes().to_vec())
            .unwrap();
        let redactor = Redactor::default();
        redactor.remember("s3cr3t");
        let failure = Failure::refused(&response, &redactor);
        assert_eq!(
            failure.is_final(),
            [400, 401, 403, 404].contains(&status),
            "{status}"
        );
        failure.or(&Server::example(Consumer::Transit), |detail| {
            VaultError::TokenNotFound {
                server: "the server".to_owned(),
                detail,
            }
        })
    }

    #[test]
    fn classifies_a_refusal_by_its_status() {
        let seven = Some(Duration::from_secs(7));
        for (status, code, class) in [
            (307, "Redirect", ErrorClass::InvalidResponse),
            (400, "TokenNotFound", ErrorClass::CredentialsRefused),
            (403, "TokenNotFound", ErrorClass::CredentialsRefused),
            (412, "Unavailable", ErrorClass::Unreachable),
            (429, "Throttled", ErrorClass::Throttled(seven)),
            (472, "Unavailable", ErrorClass::Unreachable),
            (473, "Unavailable", ErrorClass::Unreachable),
            (500, "Unavailable", ErrorClass::Unreachable),
            (502, "Unavailable", ErrorClass::Unreachable),
            (503, "Unavailable", ErrorClass::Unreachable),
        ] {
            let error = refusal(status, "");
            assert_eq!((error.code, error.class), (code, class), "{status}");
        }
        let sealed = refusal(503, r#"{"errors":["Vault is sealed"]}"#);
        let server = "the Vault at https://vault".to_owned();
        assert_eq!(sealed, VaultError::Sealed { server }.into());
    }

    #[test]
    fn shows_only_the_errors_of_a_response_in_one_line_and_cut() {
        let detail = |body: &str| {
            let message = refusal(400, body).message;
            let detail = message
                .split_once("into the Secret")
                .map(|(_, detail)| detail);
            detail.map(str::to_owned).unwrap()
        };
        assert_eq!(detail("<html>the intranet</html>"), "");
        assert_eq!(detail(r#"{"password":"x","errors":[]}"#), "");
        assert_eq!(
            detail(r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#),
            "; the server returned: permission denied"
        );
        assert_eq!(
            detail(r#"{"errors":["a\u001b[31m", "b"]}"#),
            "; the server returned: a [31m; b"
        );
        assert_eq!(
            detail(r#"{"errors":["bad s3cr3t!"]}"#),
            "; the server returned: bad …!"
        );
        let long = format!(r#"{{"errors":["{}"]}}"#, "é".repeat(1000));
        assert_eq!(
            detail(&long),
            format!("; the server returned: {}", "é".repeat(200))
        );
    }
}
