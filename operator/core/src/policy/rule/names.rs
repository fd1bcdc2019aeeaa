//! Which names besides the SPIFFE ID a rule allows.

use std::collections::BTreeMap;

use const_oid::ObjectIdentifier;

use crate::policy::pattern::{DnsPattern, EmailPattern, IpRange, TextPattern, UriPattern};

/// Lists of names: of each kind, one pattern must match each name.
///
/// The common name is judged by what it reads as: a DNS name (even of one label) by `dns_names`, an
/// IP address by `ip_addresses`, an email address by `email_addresses`, anything else by the values
/// of the attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedNames {
    /// DNS names.
    pub dns_names: Vec<DnsPattern>,
    /// IP addresses.
    pub ip_addresses: Vec<IpRange>,
    /// Email addresses.
    pub email_addresses: Vec<EmailPattern>,
    /// URIs, on an issuer without a trust domain.
    pub uris: Vec<UriPattern>,
    /// The type-ids of otherNames whose values are not read. registeredID and directoryName are
    /// refused.
    pub other_names: Vec<ObjectIdentifier>,
    /// The values of subject attributes.
    pub subject: BTreeMap<Attribute, Vec<TextPattern>>,
}

/// A subject attribute that a rule can list.
pub type Attribute = ObjectIdentifier;
