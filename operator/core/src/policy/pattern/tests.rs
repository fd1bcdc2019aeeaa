//! What patterns match, and which patterns are refused.

mod dns;
mod email;
mod ip;
mod path;
mod text;
mod uri;

use super::Bindings;

/// A ServiceAccount or Certificate of namespace `shop`.
const SHOP: Bindings<'_> = Bindings {
    namespace: Some("shop"),
    service_account: Some("web"),
    certificate: Some("tls"),
};
/// A requester of which nothing is known.
const UNKNOWN: Bindings<'_> = Bindings {
    namespace: None,
    service_account: None,
    certificate: None,
};
