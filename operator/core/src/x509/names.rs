//! The names of a subjectAltName, kept as the raw bytes beside a parsed view (RFC 5280 4.2.1.6).

use std::net::IpAddr;

mod comparable;
mod distinguished;
mod error;
mod general;
pub(crate) mod syntax;

pub use comparable::{ComparableName, NameSet};
use const_oid::ObjectIdentifier;
pub(crate) use distinguished::{DistinguishedName, attribute_texts, attributes};
pub use error::NamesError;

use crate::spiffe::SpiffeId;
use crate::x509::strict;

/// The most names in one subjectAltName: verifiers multiply names with name constraints.
pub const MAX_NAMES: usize = 1000;

/// A Name of no RDN.
pub(crate) const EMPTY_NAME: [u8; 2] = [0x30, 0x00];

/// How much of the names [`SubjectAltNames::display`] shows, in bytes of ASCII without the commas.
const MAX_DISPLAY: usize = 400;

/// A subjectAltName: the DER of its GeneralNames as it came, and what is in it.
///
/// The bytes are what a certificate carries, so that otherName and the order of all names
/// survive; the lists are what policy reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectAltNames {
    der: Vec<u8>,
    dns: Vec<String>,
    uris: Vec<String>,
    emails: Vec<String>,
    ips: Vec<IpAddr>,
    other_names: Vec<ObjectIdentifier>,
    unread: usize,
}

impl SubjectAltNames {
    /// Reads the DER of GeneralNames, which is the value of a subjectAltName extension.
    ///
    /// # Errors
    /// When the DER is not strict, there is no name or more than [`MAX_NAMES`], or a name breaks
    /// the rules of its kind: IA5 without spaces and control characters; DNS labels of letters,
    /// digits, hyphen and underscore with `*` only as the whole left-most one; a mailbox for an
    /// email; an absolute URI; 4 or 16 bytes for an address; a well-formed otherName,
    /// directoryName or registeredID. x400Address and ediPartyName are refused.
    pub fn from_der(general_names: &[u8]) -> Result<Self, NamesError> {
        let malformed = NamesError::malformed("subjectAltName");
        let elements = strict::sequence(general_names)
            .and_then(strict::elements)
            .map_err(malformed)?;
        match elements.len() {
            0 => return Err(NamesError::Empty),
            count if count > MAX_NAMES => return Err(NamesError::TooMany(count)),
            _ => {}
        }
        let mut names = Self {
            der: general_names.to_vec(),
            ..Self::default()
        };
        for element in elements {
            names.add(element)?;
        }
        Ok(names)
    }

    /// Returns the names of `existing`, byte for byte, and this SPIFFE ID as one more URI at the
    /// end.
    pub fn with_uri(existing: Option<&Self>, uri: &SpiffeId) -> Self {
        let mut names = existing.cloned().unwrap_or_default();
        let uri = uri.to_string();
        // What was read once is read again; no names at all have no content.
        let content = strict::sequence(&names.der).unwrap_or_default();
        let content = [content, &strict::tlv(general::URI, uri.as_bytes())].concat();
        names.der = strict::tlv(0x30, &content);
        names.uris.push(uri);
        names
    }

    /// Returns the DER of the GeneralNames, as received.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the dNSNames, in order and as written.
    pub fn dns(&self) -> &[String] {
        &self.dns
    }

    /// Returns the uniformResourceIdentifiers, in order and as written.
    pub fn uris(&self) -> &[String] {
        &self.uris
    }

    /// Returns the rfc822Names, in order and as written.
    pub fn emails(&self) -> &[String] {
        &self.emails
    }

    /// Returns the iPAddresses, in order. An IPv4 address in 16 bytes stays an IPv6 address.
    pub fn ips(&self) -> &[IpAddr] {
        &self.ips
    }

    /// Returns how many names are of a kind that is carried and not read: otherName, directoryName
    /// and registeredID.
    pub fn others(&self) -> usize {
        self.other_names.len() + self.unread
    }

    /// Returns the types of the otherNames, in order.
    pub fn other_names(&self) -> &[ObjectIdentifier] {
        &self.other_names
    }

    /// Returns how many directoryNames and registeredIDs there are.
    pub fn unread(&self) -> usize {
        self.unread
    }

    /// Returns the names for a person to read, such as `URI:spiffe://example.org/a, DNS:a.example`;
    /// what does not fit is counted.
    pub fn display(&self) -> String {
        let ips = self.ips.iter().map(|ip| format!("IP:{ip}"));
        let labeled = |label: &'static str| move |name: &String| format!("{label}:{name}");
        let names: Vec<_> = (self.uris.iter().map(labeled("URI")))
            .chain(self.dns.iter().map(labeled("DNS")))
            .chain(ips)
            .chain(self.emails.iter().map(labeled("email")))
            .chain(std::iter::repeat_n("other name".to_owned(), self.others()))
            .collect();
        let mut length = 0;
        let fits = |name: &&String| {
            length += name.len();
            length <= MAX_DISPLAY
        };
        let (first, rest) = names.split_at(names.iter().take_while(fits).count());
        let shown = first.join(", ");
        match (first.len(), rest.len()) {
            (_, 0) => shown,
            (0, 1) => "1 long name".to_owned(),
            (0, count) => format!("{count} long names"),
            (_, count) => format!("{shown} and {count} more"),
        }
    }
}

#[cfg(test)]
mod tests;
