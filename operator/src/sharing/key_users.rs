//! The issuers under one key, as another one reports them. Pure.

use std::fmt;

use signet_api::IssuerKind;

use super::shared_ca::MAX_COUNTED;
use crate::issuer_name::IssuerName;

/// The issuers that issue under a key which an issuer's spec revokes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUsers {
    key: String,
    /// Those whose names the reader of the status may know.
    named: Vec<IssuerName>,
    /// How many others there are.
    unnamed: usize,
}

impl KeyUsers {
    pub(super) fn new<'a>(
        key: &str,
        reader: &IssuerName,
        users: impl Iterator<Item = &'a IssuerName>,
    ) -> Option<Self> {
        let may_be_named = |name: &IssuerName| {
            name.kind == IssuerKind::ClusterIssuer
                || reader.kind == IssuerKind::ClusterIssuer
                || name.namespace == reader.namespace
        };
        let (mut named, others): (Vec<_>, Vec<_>) = users.partition(|name| may_be_named(name));
        named.sort();
        let unnamed = others.len() + named.len().saturating_sub(MAX_COUNTED);
        named.truncate(MAX_COUNTED);
        let named: Vec<_> = named.into_iter().cloned().collect();
        (!named.is_empty() || unnamed > 0).then(|| Self {
            key: key.to_owned(),
            named,
            unnamed,
        })
    }
}

impl fmt::Display for KeyUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.named.iter().map(IssuerName::to_string);
        let unnamed = match self.unnamed {
            0 => None,
            1 => Some("1 other issuer".to_owned()),
            count => Some(format!("{count} other issuers")),
        };
        let users: Vec<_> = named.chain(unnamed).collect();
        write!(
            f,
            "the revoked key {} is also used by {}; revoke it there too",
            self.key,
            users.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(kind: IssuerKind, namespace: &str, name: &str) -> IssuerName {
        IssuerName {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// A tenant does not learn the names of other tenants' issuers.
    #[test]
    fn names_the_issuers_that_the_reader_may_know() {
        let all = [
            issuer(IssuerKind::ClusterIssuer, "", "corp"),
            issuer(IssuerKind::Issuer, "shop", "ca"),
            issuer(IssuerKind::Issuer, "bank", "ca"),
        ];
        let tenant = issuer(IssuerKind::Issuer, "shop", "other");
        let text = |reader: &IssuerName, users: &[IssuerName]| {
            KeyUsers::new("k", reader, users.iter()).map(|users| users.to_string())
        };
        let of_tenant = text(&tenant, &all).unwrap();
        assert!(
            of_tenant.contains("corp") && of_tenant.contains("shop"),
            "{of_tenant}"
        );
        assert!(of_tenant.contains("1 other issuer;"), "{of_tenant}");
        assert!(!of_tenant.contains("bank"), "{of_tenant}");
        let platform = issuer(IssuerKind::ClusterIssuer, "", "other");
        assert!(text(&platform, &all).unwrap().contains("bank"));
        assert_eq!(text(&platform, &[]), None);
    }

    #[test]
    fn counts_issuers_beyond_the_first_ten() {
        let many: Vec<_> = (10..30)
            .map(|number| issuer(IssuerKind::ClusterIssuer, "", &format!("ca-{number}")))
            .collect();
        let reader = issuer(IssuerKind::ClusterIssuer, "", "corp");
        let text = KeyUsers::new("k", &reader, many.iter())
            .unwrap()
            .to_string();
        assert!(text.contains("ca-19, 10 other issuers"), "{text}");
    }
}
