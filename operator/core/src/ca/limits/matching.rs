//! Whether a name lies within name constraints (RFC 5280 4.2.1.10).
//!
//! Verifiers differ: to Go, a host without a leading dot stands for the hosts below it in every
//! form of names, to OpenSSL and RFC 5280 only in DNS names. What is permitted must be so to all of
//! them, and what is excluded is so to one.

use std::net::IpAddr;

use super::presented::{Presented, Value};
use crate::ca::subtrees::{Base, Form, Subtree, Subtrees};

/// Returns whether a CA with these constraints allows the name. What cannot be compared is not
/// allowed.
pub(super) fn allows(subtrees: &Subtrees, name: &Presented) -> bool {
    if matches!(name.value, Value::Refused) {
        return subtrees.all().next().is_none();
    }
    let mut excluded = of_form(&subtrees.excluded, name.form);
    if excluded.any(|base| relation(base, name, Question::Excluded) != Some(false)) {
        return false;
    }
    let permitted = of_form(&subtrees.permitted, name.form);
    let found = permitted.map(|base| relation(base, name, Question::Permitted));
    let found: Option<Vec<bool>> = found.collect();
    found.is_some_and(|found| found.is_empty() || found.contains(&true))
}

fn of_form(list: &[Subtree], form: Form) -> impl Iterator<Item = &Base> {
    let meant = list.iter().filter(move |subtree| subtree.form == form);
    meant.map(|subtree| &subtree.base)
}

/// Whether all verifiers must find the name in the subtree, or one may.
#[derive(Clone, Copy, PartialEq)]
enum Question {
    Permitted,
    Excluded,
}

/// Returns whether the name is in the subtree; none if they cannot be compared.
fn relation(base: &Base, name: &Presented, question: Question) -> Option<bool> {
    match (base, &name.value) {
        (Base::Text(base), Value::Text(text)) => match name.form {
            Form::Dns => Some(dns(&text.to_ascii_lowercase(), base, question)),
            Form::Email => mailbox(text, base, question),
            Form::Uri => Some(host(&uri_host(text)?, base, question)),
            Form::Ip | Form::Directory | Form::Other(_) => None,
        },
        (Base::Range { address, mask }, Value::Address(name)) => Some(
            address.len() == name.len()
                && (name.iter().zip(address).zip(mask))
                    .all(|((name, address), mask)| name & mask == address & mask),
        ),
        (Base::Directory(base), Value::Directory(name)) => Some(name.starts_with(base)),
        _ => None,
    }
}

/// A DNS name is in its own subtree and those of the domains above it. A wildcard stands for names
/// that an excluded subtree may have.
fn dns(name: &str, base: &str, question: Question) -> bool {
    let wildcard = name.strip_prefix("*.");
    let covers = |parent: &str| {
        let label = base
            .strip_suffix(parent)
            .and_then(|it| it.strip_suffix('.'));
        base == parent || label.is_some_and(|label| !label.is_empty() && !label.contains('.'))
    };
    base.is_empty()
        || name == base
        || is_below(name, base)
        || (question == Question::Excluded && wildcard.is_some_and(covers))
}

/// Returns whether the name is of a host below the domain, with or without its leading dot.
fn is_below(name: &str, domain: &str) -> bool {
    let above = name.strip_suffix(domain.strip_prefix('.').unwrap_or(domain));
    above.is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
}

/// A mailbox, whose local part keeps its case, or all mailboxes of a host.
fn mailbox(name: &str, base: &str, question: Question) -> Option<bool> {
    let (local, domain) = name.rsplit_once('@')?;
    let domain = domain.to_ascii_lowercase();
    Some(match base.contains('@') {
        true => format!("{local}@{domain}") == base,
        false => host(&domain, base, question),
    })
}

/// A host is its own subtree; with a leading dot, it stands for the hosts below it.
fn host(name: &str, base: &str, question: Question) -> bool {
    match question {
        Question::Permitted if base.starts_with('.') => is_below(name, base),
        Question::Permitted => !base.is_empty() && name == base,
        Question::Excluded => base.is_empty() || name == base || is_below(name, base),
    }
}

/// Returns the host of a URI in lower case; none if the URI has none, or one that verifiers do not
/// read in the same way. An address is not a host name (PKI-9).
fn uri_host(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // OpenSSL takes the host to end at the first colon, wherever it is, or else at a slash.
    if path.contains(':') || path.starts_with(['?', '#']) || authority.contains(['@', '[']) {
        return None;
    }
    let host = authority.split(':').next().unwrap_or_default();
    let is_host = !host.is_empty() && host.parse::<IpAddr>().is_err();
    is_host.then(|| host.to_ascii_lowercase())
}
