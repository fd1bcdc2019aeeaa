//! Errors of the API server.

use signet_keys::chain;

/// The code with which the API server rejects an object that breaks its schema, or a certificate
/// that it cannot parse.
pub const UNPROCESSABLE: u16 = 422;
pub const BAD_REQUEST: u16 = 400;
pub const FORBIDDEN: u16 = 403;

/// The reason of the cause with which the API server refuses to create objects in a namespace
/// that is being deleted.
const NAMESPACE_TERMINATING: &str = "NamespaceTerminating";

/// An error as a message, with its causes. kube's own text repeats the whole Status in its debug
/// form.
pub fn describe(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        kube::Error::Api(status) if status.code != 0 || !status.reason.is_empty() => {
            format!("{} {}", status.code, status.reason)
        }
        kube::Error::Api(_) => "the API server gave no reason".to_owned(),
        _ => chain(error),
    }
}

/// Whether the authorizer refused a call. Quotas and admission refuse with the same code.
pub fn is_missing_permission(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else {
        return false;
    };
    let message = &status.message;
    let is_refused = message.contains(" cannot ") || message.contains("not permitted to attest");
    status.is_forbidden() && is_refused
}

/// Whether an object was not created because its namespace is being deleted.
pub fn is_namespace_terminating(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else {
        return false;
    };
    let details = status.details.as_ref();
    let causes = details.map(|details| &*details.causes).unwrap_or_default();
    causes
        .iter()
        .any(|cause| cause.reason == NAMESPACE_TERMINATING)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("not sent")]
    struct Transport(#[source] std::io::Error);

    fn error(status: Value) -> kube::Error {
        kube::Error::Api(serde_json::from_value(status).unwrap())
    }

    /// As the API server of Kubernetes 1.36 answers.
    fn terminating() -> kube::Error {
        let message = "events.events.k8s.io \"web.1\" is forbidden: unable to create new content in \
                       namespace shop because it is being terminated";
        error(json!({
            "status": "Failure", "code": 403, "reason": "Forbidden", "message": message,
            "details": { "name": "web.1", "causes": [{
                "reason": "NamespaceTerminating", "field": "metadata.namespace",
                "message": "namespace shop is being terminated",
            }] },
        }))
    }

    #[test]
    fn shows_the_message_without_the_debug_form() {
        let text = describe(&terminating());
        assert!(text.ends_with("because it is being terminated"), "{text}");
        assert!(!text.contains("Status"), "{text}");
        let empty = error(json!({ "code": 503, "reason": "ServiceUnavailable" }));
        assert_eq!(describe(&empty), "503 ServiceUnavailable");
        let other = kube::Error::LinesCodecMaxLineLengthExceeded;
        assert_eq!(describe(&other), other.to_string());
        let refused = std::io::Error::other("connection refused");
        let transport = kube::Error::Service(Box::new(Transport(refused)));
        let text = describe(&transport);
        assert!(text.ends_with("not sent: connection refused"), "{text}");
    }

    #[test]
    fn recognizes_a_namespace_that_is_being_deleted() {
        assert!(is_namespace_terminating(&terminating()));
        for other in [
            error(json!({ "code": 403, "reason": "Forbidden", "message": "no" })),
            error(json!({ "code": 404, "reason": "NotFound", "details": {} })),
            kube::Error::LinesCodecMaxLineLengthExceeded,
        ] {
            assert!(!is_namespace_terminating(&other), "{other}");
        }
    }
}
