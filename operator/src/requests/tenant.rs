//! Whose share of a queue and of a key a request takes.

use signet_core::request::RawRequest;

/// Returns the tenant: a namespace, or a user who has none. A namespace has no colon, so no user takes
/// its share.
pub(super) fn tenant(request: &RawRequest) -> String {
    let user = || format!("user:{}", request.requester.username);
    namespace(request).unwrap_or_else(user)
}

/// Returns the namespace of a request, or that of the requester's ServiceAccount.
pub(super) fn namespace(request: &RawRequest) -> Option<String> {
    let of_account = || Some(request.requester.service_account().ok()?.namespace);
    request.namespace.clone().or_else(of_account)
}
