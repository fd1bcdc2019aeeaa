//! What an issuer reports about a CA that it shares. Pure.

use std::fmt;

use crate::issuer_name::IssuerName;

/// Messages count other issuers up to this number, so that one tenant's thousand issuers do not
/// have a thousand messages rewritten a thousand times.
pub const MAX_COUNTED: usize = 10;

/// The issuers with which one issuer shares a CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedCa {
    /// Whether the issuer that reports it has a trust domain. The others have none then, or have
    /// one otherwise.
    pub has_trust_domain: bool,
    /// One of the others, whose name the reader of the status may know.
    pub named: Option<IssuerName>,
    /// How many others there are; above [`MAX_COUNTED`] for more.
    pub count: usize,
}

impl SharedCa {
    pub(super) fn others(&self) -> String {
        let issuers = |count: usize, noun: &str| match count {
            1 => format!("1 {noun}"),
            2..=MAX_COUNTED => format!("{count} {noun}s"),
            _ => format!("more than {MAX_COUNTED} {noun}s"),
        };
        match (&self.named, self.count) {
            (Some(name), 1) => name.to_string(),
            // Of more than can be counted, one is named and at least as many are left.
            (Some(name), count) if count <= MAX_COUNTED => {
                format!("{name} and {}", issuers(count - 1, "other issuer"))
            }
            (Some(name), _) => format!("{name} and at least {MAX_COUNTED} other issuers"),
            (None, 1) => "an Issuer in another namespace".to_owned(),
            (None, count) => issuers(count, "Issuer") + " in other namespaces",
        }
    }
}

impl fmt::Display for SharedCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = self.others();
        let has = match self.count {
            1 => "has",
            _ => "have",
        };
        match self.has_trust_domain {
            true => write!(
                f,
                "shares a CA certificate, key or root with {others}, which {has} no trust domain \
                 and can sign what the rules of this issuer refuse; use separate keys and roots"
            ),
            false => write!(
                f,
                "shares a CA certificate, key or root with {others}, which {has} a trust domain, \
                 and refuses SPIFFE IDs only of ClusterIssuers and of Issuers in its namespace; use \
                 separate keys and roots"
            ),
        }
    }
}
