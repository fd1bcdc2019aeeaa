//! A sample of each error of a Vault, whatever it is used for.

use std::time::Duration;

use signet_core::samples;

use super::error::{ServerMessage, VaultError};
use super::server::Consumer;

samples!(VaultError {
    Throttled {
        server: server(),
        retry_after: Some(Duration::from_secs(1)),
        detail: detail("request path \"transit/sign/ca\": rate limit quota exceeded")
    },
    Redirect {
        server: server(),
        consumer: Consumer::Transit,
        detail: detail("")
    },
    Sealed { server: server() },
    Unavailable {
        server: server(),
        status: 500,
        detail: detail("internal error")
    },
    NoNamespace {
        server: server(),
        consumer: Consumer::Transit,
        namespace: "team-a".to_owned()
    },
    LoginRefused {
        server: server(),
        consumer: Consumer::Transit,
        method: "kubernetes",
        mount: "kubernetes".to_owned(),
        detail: detail("permission denied")
    },
    TokenNotFound {
        server: server(),
        detail: detail("permission denied")
    },
    Denied {
        server: server(),
        permission: "update on transit/sign/ca".to_owned(),
        hint: "",
        detail: detail("permission denied")
    },
    TokenDenied {
        server: server(),
        permission: "update on transit/sign/ca".to_owned(),
        hint: ""
    },
    TokenRefused {
        server: server(),
        permission: "update on transit/sign/ca".to_owned(),
        hint: ""
    },
    InvalidResponse {
        server: server(),
        consumer: Consumer::Transit
    },
    InvalidPath {
        consumer: Consumer::Transit,
        field: "mount"
    },
    JwtSource {
        consumer: Consumer::Transit
    },
    InvalidToken {
        secret: "vault".to_owned(),
        key: "token".to_owned()
    },
    InvalidClientCertificate {
        secret: "vault-client".to_owned()
    },
});

fn server() -> String {
    "the Vault at https://vault.example.org:8200".to_owned()
}

fn detail(text: &str) -> ServerMessage {
    ServerMessage(text.to_owned())
}
