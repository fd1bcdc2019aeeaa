//! Whether a rule lists every name in a request.

use std::fmt::Display;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc3280::EMAIL_ADDRESS;
use const_oid::db::rfc4519::COMMON_NAME;

use super::Denial;
use super::case::Case;
use super::common_name::CommonNameKind;
use super::pattern::Bindings;
use super::rule::{AllowedNames, Rule, Unlisted};
use crate::quote;
use crate::reason::Reason;
use crate::x509::names::{self, SubjectAltNames};

/// Refuses a leaf with a name that the rule does not list: besides the SPIFFE ID, every name of the
/// subjectAltName and every attribute of the subject.
pub(super) fn check(case: &Case<'_>, rule: &Rule, bindings: &Bindings<'_>) -> Result<(), Denial> {
    if rule.allow.unlisted == Unlisted::Allowed {
        return Ok(());
    }
    let lists = Lists {
        names: &rule.allow.names,
        wildcards: rule.allow.wildcards,
        bindings,
    };
    let csr = &case.request.csr;
    if let Some(names) = &csr.extensions.subject_alt_names {
        // In a trust domain the only URI is the SPIFFE ID.
        if case.policy.trust_domain.is_none() {
            each(names.uris(), |uri| lists.uri(uri))?;
        }
        lists.alt_names(names)?;
    }
    let attributes = names::attributes(&csr.subject_der)
        .map_err(|_| Reason::InvalidName.denial("the CSR has a subject that cannot be read"))?;
    each(&attributes, |(oid, value)| lists.attribute(oid, value))
}

fn each<T>(names: &[T], check: impl Fn(&T) -> Result<(), Denial>) -> Result<(), Denial> {
    names.iter().try_for_each(check)
}

/// The lists of a rule, with the variables of the requester.
struct Lists<'a> {
    names: &'a AllowedNames,
    wildcards: bool,
    bindings: &'a Bindings<'a>,
}

impl Lists<'_> {
    fn alt_names(&self, names: &SubjectAltNames) -> Result<(), Denial> {
        each(names.dns(), |name| self.dns("DNS name", name))?;
        each(names.ips(), |ip| self.ip("IP address", ip))?;
        each(names.emails(), |it| self.email("email address", it))?;
        each(names.other_names(), |type_id| {
            let is_listed = self.names.other_names.contains(type_id);
            let allowed = || shown(self.names.other_names.iter().map(quote::oid));
            check_listed(
                is_listed,
                "otherName of type",
                &quote::oid(type_id),
                allowed,
            )
        })?;
        match names.unread() {
            0 => Ok(()),
            _ => Err(Reason::NameNotAllowed.denial(
                "the CSR lists a directoryName or registeredID, which no rule can list; remove it",
            )),
        }
    }

    fn dns(&self, what: &str, name: &str) -> Result<(), Denial> {
        let mut patterns = self.names.dns_names.iter();
        let is_listed = patterns.any(|it| it.matches(name, self.bindings, self.wildcards));
        let all = &self.names.dns_names;
        if !is_listed && !self.wildcards && name.contains('*') {
            return Err(Reason::NameNotAllowed.denial(format!(
                "the rule does not allow wildcard certificates such as {}; remove the name, or set \
                 allow.wildcards",
                quote::text(name)
            )));
        }
        check_listed(is_listed, what, &quote::text(name), || {
            shown(all.iter().map(|it| it.describe(self.bindings)))
        })
    }

    fn ip(&self, what: &str, address: &std::net::IpAddr) -> Result<(), Denial> {
        let ranges = &self.names.ip_addresses;
        let is_listed = ranges.iter().any(|range| range.contains(*address));
        check_listed(is_listed, what, address, || shown(ranges.iter()))
    }

    fn email(&self, what: &str, mailbox: &str) -> Result<(), Denial> {
        let patterns = &self.names.email_addresses;
        let is_listed = patterns.iter().any(|it| it.matches(mailbox, self.bindings));
        check_listed(is_listed, what, &quote::text(mailbox), || {
            shown(patterns.iter().map(|it| it.describe(self.bindings)))
        })
    }

    fn uri(&self, uri: &str) -> Result<(), Denial> {
        let patterns = &self.names.uris;
        let is_listed = patterns.iter().any(|it| it.matches(uri, self.bindings));
        check_listed(is_listed, "URI", &quote::text(uri), || {
            shown(patterns.iter().map(|it| it.describe(self.bindings)))
        })
    }

    /// A name in the subject counts as what verifiers read in it.
    fn attribute(&self, oid: &ObjectIdentifier, value: &str) -> Result<(), Denial> {
        match CommonNameKind::of(value) {
            _ if *oid == EMAIL_ADDRESS => self.email("email address in the subject", value),
            _ if *oid != COMMON_NAME => self.text(oid, value),
            CommonNameKind::Dns => self.dns("common name, read as a DNS name,", value),
            CommonNameKind::Ip(address) => self.ip("common name, read as an IP address,", &address),
            CommonNameKind::Email => self.email("common name, read as an email address,", value),
            CommonNameKind::Uri => Err(Reason::NameNotAllowed.denial(format!(
                "the common name {} is a URI; remove it, or list the URI in the subjectAltName",
                quote::text(value)
            ))),
            CommonNameKind::Text => self.text(oid, value),
        }
    }

    fn text(&self, oid: &ObjectIdentifier, value: &str) -> Result<(), Denial> {
        let patterns = self.names.subject.get(oid).map_or(&[][..], Vec::as_slice);
        let is_listed = patterns.iter().any(|it| it.matches(value, self.bindings));
        let what = format!("subject attribute {}", quote::oid(oid));
        check_listed(is_listed, &what, &quote::text(value), || {
            shown(
                patterns
                    .iter()
                    .map(|it| quote::text(&it.describe(self.bindings))),
            )
        })
    }
}

fn check_listed(
    is_listed: bool,
    what: &str,
    name: &impl Display,
    allowed: impl Fn() -> String,
) -> Result<(), Denial> {
    if is_listed {
        return Ok(());
    }
    let allowed = allowed();
    Err(Reason::NameNotAllowed.denial(match allowed.is_empty() {
        true => format!(
            "the {what} {name} is not in the rule, which lists no names of this kind; remove it from \
             the request, or add it to the rule's allow"
        ),
        false => format!("the {what} {name} is not in the rule; allowed is {allowed}"),
    }))
}

/// How many patterns a message shows.
const MAX_PATTERNS: usize = 5;

fn shown(patterns: impl ExactSizeIterator<Item = impl Display>) -> String {
    let more = patterns.len().saturating_sub(MAX_PATTERNS);
    let shown: Vec<_> = patterns
        .take(MAX_PATTERNS)
        .map(|it| it.to_string())
        .collect();
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
