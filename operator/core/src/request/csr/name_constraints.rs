//! nameConstraints (RFC 5280 4.2.1.10), which cert-manager puts into a CSR (CM-9).

use std::net::IpAddr;

use der::{Decode, Encode, Tag};
use x509_cert::ext::pkix::NameConstraints;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::name::GeneralName;

use super::CsrError;
use crate::quote;
use crate::x509::names::MAX_NAMES;
use crate::x509::names::syntax::host_fault;

const EXTENSION: &str = "nameConstraints";

/// Checks the value of the extension: DER in its one form, at least one subtree, and subtrees
/// that a verifier understands. Go refuses to read a CA certificate with any other, so that
/// nothing under it would verify.
pub(super) fn check(value: &[u8]) -> Result<(), CsrError> {
    let not_der = CsrError::not_der(EXTENSION);
    let typed = NameConstraints::from_der(value).map_err(not_der)?;
    if typed.to_der().map_err(not_der)? != value {
        return Err(not_der(Tag::Sequence.non_canonical_error().into()));
    }
    let lists = [&typed.permitted_subtrees, &typed.excluded_subtrees];
    let lists: Vec<_> = lists.into_iter().flatten().collect();
    if lists.is_empty() || lists.iter().any(|list| list.is_empty()) {
        return Err(invalid(
            "has no subtree; name one or leave the extension out",
        ));
    }
    if lists.iter().map(|list| list.len()).sum::<usize>() > MAX_NAMES {
        return Err(invalid("has more than 1000 subtrees; name fewer"));
    }
    lists.into_iter().flatten().try_for_each(check_subtree)
}

fn check_subtree(subtree: &GeneralSubtree) -> Result<(), CsrError> {
    if subtree.minimum != 0 || subtree.maximum.is_some() {
        return Err(invalid(
            "has a subtree with minimum or maximum; remove them (RFC 5280 4.2.1.10)",
        ));
    }
    let (kind, text, fault) = match &subtree.base {
        GeneralName::DnsName(name) => ("DNS", name.as_str(), domain_fault(name.as_str())),
        GeneralName::Rfc822Name(name) => ("email", name.as_str(), email_fault(name.as_str())),
        GeneralName::UniformResourceIdentifier(name) => {
            ("URI", name.as_str(), uri_host_fault(name.as_str()))
        }
        GeneralName::IpAddress(range) if !is_range(range.as_bytes()) => {
            return Err(invalid(
                "has an IP range that is not an address and a mask; write it as a CIDR block",
            ));
        }
        GeneralName::IpAddress(_) | GeneralName::DirectoryName(_) => return Ok(()),
        _ => {
            return Err(invalid(
                "has a subtree of a kind that verifiers do not know; use DNS, IP, email, URI or directory names",
            ));
        }
    };
    fault.map_or(Ok(()), |fault| {
        let text = quote::text(text);
        Err(invalid(&format!("has the {kind} subtree {text}, {fault}")))
    })
}

/// A host name, one behind a dot for what lies below it, or nothing at all for every name.
fn domain_fault(domain: &str) -> Option<&'static str> {
    let host = domain.strip_prefix('.').unwrap_or(domain);
    let valid = domain.is_empty() || host_fault(host).is_none();
    (!valid).then_some(
        "which is not a host name; write example.org, or .example.org for what lies below it",
    )
}

/// A mailbox, or the domain of many (RFC 5280 4.2.1.10).
fn email_fault(constraint: &str) -> Option<&'static str> {
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
fn uri_host_fault(host: &str) -> Option<&'static str> {
    match host.parse::<IpAddr>() {
        Ok(_) => Some("and an IP address cannot constrain URIs; write a host name"),
        Err(_) => domain_fault(host),
    }
}

/// An IPv4 or IPv6 address and a mask of ones and then zeros.
fn is_range(bytes: &[u8]) -> bool {
    let (_, mask) = bytes.split_at(bytes.len() / 2);
    let bits = (mask.iter()).flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    matches!(bytes.len(), 8 | 32) && bits.is_sorted_by(|a, b| a >= b)
}

fn invalid(fault: &str) -> CsrError {
    CsrError::invalid(EXTENSION, fault)
}
