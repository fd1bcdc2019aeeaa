//! nameConstraints (RFC 5280 4.2.1.10), which cert-manager puts into a CSR (CM-9).

use der::{Decode, Encode, Tag};
use x509_cert::ext::pkix::NameConstraints;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::name::GeneralName;

use super::CsrError;
use crate::quote;
use crate::x509::name_constraints::syntax::{domain_fault, email_fault, is_range, uri_host_fault};
use crate::x509::names::MAX_NAMES;

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

fn invalid(fault: &str) -> CsrError {
    CsrError::invalid(EXTENSION, fault)
}
