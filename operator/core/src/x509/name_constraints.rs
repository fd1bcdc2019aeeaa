//! nameConstraints (RFC 5280 4.2.1.10) as a spec writes them: the names that a CA may certify.

use thiserror::Error;

pub(crate) mod cidr;
pub(crate) mod syntax;

#[cfg(test)]
mod tests;

use super::names::MAX_NAMES;
use super::strict::tlv;
use crate::quote;

const SEQUENCE: u8 = 0x30;

/// The names of one list, in the fields of cert-manager's `Certificate.spec.nameConstraints`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subtrees {
    /// `example.org` covers itself and every name below it.
    pub dns_domains: Vec<String>,
    /// CIDR blocks, such as `10.0.0.0/8`.
    pub ip_ranges: Vec<String>,
    /// Mailboxes, or the host of many.
    pub email_addresses: Vec<String>,
    /// The hosts of URIs. In a SPIFFE ID the host is the trust domain.
    pub uri_domains: Vec<String>,
}

/// Name constraints that verifiers can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameConstraints {
    der: Vec<u8>,
    has_uri_domains: bool,
}

impl NameConstraints {
    /// Checks the subtrees and encodes them.
    ///
    /// # Errors
    /// There is no subtree, there are too many, or one is not of the form of its kind.
    pub fn new(permitted: &Subtrees, excluded: &Subtrees) -> Result<Self, NameConstraintsError> {
        match permitted.len() + excluded.len() {
            0 => return Err(NameConstraintsError::Empty),
            1..=MAX_NAMES => {}
            count => return Err(NameConstraintsError::TooMany(count)),
        }
        let lists = [
            permitted.encode("permitted", 0xa0)?,
            excluded.encode("excluded", 0xa1)?,
        ];
        Ok(Self {
            der: tlv(SEQUENCE, &lists.concat()),
            has_uri_domains: !(permitted.uri_domains.is_empty() && excluded.uri_domains.is_empty()),
        })
    }

    /// Returns the DER of the extension's value.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns what the owner of the spec should know (PKI-10).
    pub fn warning(&self) -> Option<&'static str> {
        self.has_uri_domains.then_some(
            "nameConstraints has uriDomains, and rustls (ztunnel, Linkerd's proxy) rejects every SPIFFE ID and \
             other URI under such a CA; remove them if any peer uses rustls",
        )
    }
}

/// Encodes the base of a subtree, or returns what is wrong with it and what to change.
type Encode = fn(&str) -> Result<Vec<u8>, String>;

impl Subtrees {
    /// Returns each kind: its field, the tag of its GeneralName, the values and their encoding.
    fn kinds(&self) -> [(&'static str, u8, &[String], Encode); 4] {
        let (dns, ip) = (&self.dns_domains, &self.ip_ranges);
        let (email, uri) = (&self.email_addresses, &self.uri_domains);
        [
            ("dnsDomains", 0x82, dns, |it| ia5(it, syntax::domain_fault)),
            ("ipRanges", 0x87, ip, cidr::encode),
            ("emailAddresses", 0x81, email, |it| {
                ia5(it, syntax::email_fault)
            }),
            ("uriDomains", 0x86, uri, |it| {
                ia5(it, syntax::uri_host_fault)
            }),
        ]
    }

    fn len(&self) -> usize {
        self.kinds().iter().map(|kind| kind.2.len()).sum()
    }

    /// GeneralSubtrees with the tag of the list. It has at least one element or is not there.
    fn encode(&self, list: &'static str, list_tag: u8) -> Result<Vec<u8>, NameConstraintsError> {
        let mut subtrees = Vec::new();
        for (field, tag, values, encode) in self.kinds() {
            for value in values {
                let base = encode(value).map_err(|fault| NameConstraintsError::Subtree {
                    list,
                    field,
                    shown: quote::text(value),
                    fault,
                })?;
                subtrees.extend(tlv(SEQUENCE, &tlv(tag, &base)));
            }
        }
        if subtrees.is_empty() {
            return Ok(subtrees);
        }
        Ok(tlv(list_tag, &subtrees))
    }
}

/// What has no fault is ASCII.
fn ia5(text: &str, fault: fn(&str) -> Option<&'static str>) -> Result<Vec<u8>, String> {
    match fault(text) {
        None => Ok(text.as_bytes().to_vec()),
        Some(fault) => Err(fault.to_owned()),
    }
}

/// Why name constraints were refused. The message begins with the path from where they are in the
/// spec.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameConstraintsError {
    /// Neither list has a subtree.
    #[error("nameConstraints is empty; add a name to permitted or excluded, or remove it")]
    Empty,
    /// More than verifiers should have to compare.
    #[error("nameConstraints has {0} names, more than the maximum of {MAX_NAMES}; list fewer")]
    TooMany(usize),
    /// A name that verifiers do not read as it is meant.
    #[error("nameConstraints.{list}.{field} has {shown}, {fault}")]
    Subtree {
        /// `permitted` or `excluded`.
        list: &'static str,
        /// The field in that list.
        field: &'static str,
        /// The value, escaped and cut.
        shown: String,
        /// What is wrong and what to change.
        fault: String,
    },
}
