//! The subject of an issuer's own CA certificate: as a spec writes it, or by default.

use aws_lc_rs::digest::{SHA256, digest};
use const_oid::db::rfc4519::COMMON_NAME;
use der::asn1::Any;
use der::{Decode, Encode, Tag};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

mod rfc4514;

use super::IssueError;
use crate::x509::names::NameSet;
pub use rfc4514::parse as parse_subject;

/// The upper bound of a common name (RFC 5280 appendix A.1).
const MAX_COMMON_NAME: usize = 64;
/// In bytes.
const HASH_LENGTH: usize = 5;

/// What names a CA in the cluster: its issuer, and the number of the generation.
#[derive(Clone, Copy, Debug)]
pub struct CaName<'a> {
    /// The issuer's kind, such as `ClusterIssuer`.
    pub kind: &'a str,
    /// Its namespace, if it has one.
    pub namespace: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
    /// The number of the generation.
    pub generation: u32,
}

/// Returns the subject of a CA whose spec names none: `CN=Issuer payments/ca generation 2`.
///
/// A common name has at most 64 characters. Of a longer one the issuer's name is cut, and a hash
/// keeps it unique. It matches none of the `parents`: a CA with its parent's name would look
/// self-signed.
///
/// # Errors
/// The name cannot be encoded.
pub fn default_subject(ca: &CaName<'_>, parents: &NameSet) -> Result<Name, IssueError> {
    let mut salt = 0;
    loop {
        let name = common_name(&ca.text(salt))?;
        if !parents.matches(&name.to_der()?) {
            return Ok(name);
        }
        // The set is finite.
        salt += 1;
    }
}

impl CaName<'_> {
    /// Returns the common name. With a salt of zero, a name that fits stays as it is.
    fn text(&self, salt: u32) -> String {
        let Self {
            kind,
            namespace,
            name,
            generation,
        } = self;
        let issuer = match namespace {
            Some(namespace) => format!("{namespace}/{name}"),
            None => (*name).to_owned(),
        };
        let plain = format!("{kind} {issuer} generation {generation}");
        let length = plain.chars().count();
        if salt == 0 && length <= MAX_COMMON_NAME {
            return plain;
        }
        let hash = digest(&SHA256, format!("{salt} {plain}").as_bytes());
        // No name in Kubernetes has a tilde, so that no issuer has another one's cut name.
        let hash = format!("~{}", hex::encode(&hash.as_ref()[..HASH_LENGTH]));
        let excess = (length + hash.len()).saturating_sub(MAX_COMMON_NAME);
        let kept = issuer.chars().count().saturating_sub(excess);
        let cut: String = issuer.chars().take(kept).collect();
        format!("{kind} {cut}{hash} generation {generation}")
    }
}

fn common_name(text: &str) -> Result<Name, IssueError> {
    let attribute = AttributeTypeAndValue {
        oid: COMMON_NAME,
        value: Any::new(Tag::Utf8String, text.as_bytes())?,
    };
    let mut name = RdnSequence::default();
    name.push(RelativeDistinguishedName::try_from(vec![attribute])?);
    Ok(Name::from_der(&name.to_der()?)?)
}
