//! What goes wrong with an issuer of the PKI engine.

use super::api::IssuerPath;
use crate::error::{ErrorClass, KeyError};
use crate::key_errors::key_errors;
use crate::vault::{Failure, ServerMessage};

key_errors! {
    /// What goes wrong with an issuer of the PKI engine of Vault or OpenBao.
    pub enum VaultPkiError {
        Refused { issuer: String, detail: ServerMessage } => ErrorClass::KeyUnusable,
            "{issuer} does not sign this CSR; change what spec.certificate.vaultPki requests, or \
             the issuer{detail}";
        NoIssuer { issuer: String, detail: ServerMessage } => ErrorClass::KeyNotFound,
            "{issuer} does not exist, or has no certificate or no key; create it, or correct \
             vaultPki.issuerRef{detail}";
        NoMount { server: String, mount: String } => ErrorClass::KeyNotFound,
            "{server} has nothing mounted at {mount}; enable the PKI engine there, or correct \
             vaultPki.mount";
        NotPki { server: String, mount: String } => ErrorClass::KeyNotFound,
            "{server} has no PKI engine with named issuers at {mount}; correct vaultPki.mount, or \
             update the server (Vault has them since 1.11)";
    }
}

/// What servers write for an issuer that does not exist, a mount without a CA and an issuer without
/// its key, each with the status 500.
const NO_CA: [&str; 2] = [
    "could not fetch the CA certificate",
    "unable to find PKI issuer",
];

/// What servers write if no engine has the path, and if the engine at it does not.
const NO_ROUTE: &str = "no handler for route";

impl IssuerPath {
    /// The error of a request to the issuer.
    pub(super) fn error(&self, failure: Failure) -> KeyError {
        let Some((status, detail)) = failure.refusal() else {
            return failure.or(&self.server, |detail| self.refused(detail));
        };
        let is_about_the_ca = || NO_CA.iter().any(|text| detail.0.contains(text));
        let (server, mount) = (self.server.name(), self.mount.clone());
        let error = match status {
            400 | 404 | 500 if is_about_the_ca() => VaultPkiError::NoIssuer {
                issuer: self.to_string(),
                detail: detail.clone(),
            },
            404 if detail.0.contains(NO_ROUTE) => VaultPkiError::NoMount { server, mount },
            404 if detail.0 != "namespace not found" => VaultPkiError::NotPki { server, mount },
            405 => VaultPkiError::NotPki { server, mount },
            _ => return failure.or(&self.server, |detail| self.refused(detail)),
        };
        error.into()
    }

    fn refused(&self, detail: ServerMessage) -> VaultPkiError {
        VaultPkiError::Refused {
            issuer: self.to_string(),
            detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::remote::Redactor;

    fn refusal(status: u16, error: &str) -> KeyError {
        let body = serde_json::json!({ "errors": [error] }).to_string();
        let response = http::Response::builder()
            .status(status)
            .header("retry-after", "7")
            .body(body.into_bytes())
            .unwrap();
        IssuerPath::example().error(Failure::refused(&response, &Redactor::default()))
    }

    #[test]
    fn tells_the_situations_apart() {
        let seven = Some(Duration::from_secs(7));
        let no_ca =
            "error generating certificate: could not fetch the CA certificate (was one set?)";
        let no_route = "no handler for route \"pki/issuer/a/sign-intermediate\"";
        for (status, error, code, class) in [
            (400, "bad CSR", "Refused", ErrorClass::KeyUnusable),
            (403, "permission denied", "Refused", ErrorClass::KeyUnusable),
            (404, no_route, "NoMount", ErrorClass::KeyNotFound),
            (404, "unsupported path", "NotPki", ErrorClass::KeyNotFound),
            (
                404,
                "namespace not found",
                "NoNamespace",
                ErrorClass::KeyNotFound,
            ),
            (
                405,
                "unsupported operation",
                "NotPki",
                ErrorClass::KeyNotFound,
            ),
            (429, "quota", "Throttled", ErrorClass::Throttled(seven)),
            (500, no_ca, "NoIssuer", ErrorClass::KeyNotFound),
            (
                500,
                "unable to find PKI issuer for reference: a",
                "NoIssuer",
                ErrorClass::KeyNotFound,
            ),
            (
                500,
                "internal error",
                "Unavailable",
                ErrorClass::Unreachable,
            ),
            (502, "rate limited", "Unavailable", ErrorClass::Unreachable),
            (503, "Vault is sealed", "Sealed", ErrorClass::Unreachable),
            (
                503,
                "namespace locked",
                "Unavailable",
                ErrorClass::Unreachable,
            ),
        ] {
            let found = refusal(status, error);
            assert_eq!((found.code, found.class), (code, class), "{status} {error}");
        }
    }

    #[test]
    fn messages_name_the_field_of_this_use() {
        for (status, error, field) in [
            (307, "", "vaultPki.address"),
            (404, "namespace not found", "vaultPki.namespace"),
            (404, "unsupported path", "vaultPki.mount"),
            (
                500,
                "could not fetch the CA certificate",
                "vaultPki.issuerRef",
            ),
        ] {
            let message = refusal(status, error).message;
            assert!(message.contains(field), "{message}");
        }
    }
}
