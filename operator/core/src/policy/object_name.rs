//! The names of Kubernetes objects, as far as an ID must have one.

/// Whether a namespace can have this name: a DNS label in lower case (RFC 1123 section 2.1).
pub(super) fn is_namespace(name: &str) -> bool {
    name.len() <= 63 && is_label(name)
}

/// Whether a ServiceAccount can have this name: a DNS subdomain in lower case.
pub(super) fn is_service_account(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let ends_in_hyphen = label.starts_with('-') || label.ends_with('-');
    !label.is_empty() && !ends_in_hyphen && label.bytes().all(is_allowed)
}
