//! What a subtree of nameConstraints may be, by its kind. Go refuses to read a CA certificate with
//! any other.

use std::net::IpAddr;

use crate::x509::names::syntax::host_fault;

/// A host name, one behind a dot for what lies below it, or nothing at all for every name.
pub(crate) fn domain_fault(domain: &str) -> Option<&'static str> {
    let host = domain.strip_prefix('.').unwrap_or(domain);
    let valid = domain.is_empty() || host_fault(host).is_none();
    (!valid).then_some(
        "which is not a host name; write example.org, or .example.org for what lies below it",
    )
}

/// A mailbox, or the domain of many (RFC 5280 4.2.1.10).
pub(crate) fn email_fault(constraint: &str) -> Option<&'static str> {
    let Some((local, host)) = constraint.rsplit_once('@') else {
        return domain_fault(constraint);
    };
    // Dot-atom of RFC 5322 3.2.3; a quoted local part is not read by every verifier.
    let is_atom = |atom: &str| {
        let special = |byte: u8| b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
        !atom.is_empty() && (atom.bytes()).all(|byte| byte.is_ascii_alphanumeric() || special(byte))
    };
    let valid = local.split('.').all(is_atom) && host_fault(host).is_none();
    (!valid).then_some("which is not a mailbox; write name@host.example, or only the host")
}

/// A domain that is not an address: only the name of a host constrains URIs.
pub(crate) fn uri_host_fault(host: &str) -> Option<&'static str> {
    match host.parse::<IpAddr>() {
        Ok(_) => Some("and an IP address cannot constrain URIs; write a host name"),
        Err(_) => domain_fault(host),
    }
}

/// An IPv4 or IPv6 address and a mask of ones and then zeros.
pub(crate) fn is_range(bytes: &[u8]) -> bool {
    let (_, mask) = bytes.split_at(bytes.len() / 2);
    let bits = (mask.iter()).flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    matches!(bytes.len(), 8 | 32) && bits.is_sorted_by(|a, b| a >= b)
}
