//! What identifies an issuer.

use std::borrow::Cow;
use std::fmt;

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use signet_api::{IssuerKind, IssuerResource};
use signet_core::quote;

use crate::namespace::is_object_name;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuerName {
    pub kind: IssuerKind,
    /// The namespace of an Issuer; empty for a ClusterIssuer.
    pub namespace: String,
    pub name: String,
}

impl IssuerName {
    pub fn of<K: IssuerResource + ResourceExt>(object: &K) -> Self {
        Self {
            kind: K::KIND,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
        }
    }

    /// Returns where caches and controllers have it.
    pub fn reference<K: IssuerResource>(&self) -> ObjectRef<K> {
        let reference = ObjectRef::new(&self.name);
        match self.kind {
            IssuerKind::Issuer => reference.within(&self.namespace),
            IssuerKind::ClusterIssuer => reference,
        }
    }
}

impl fmt::Display for IssuerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = shown(&self.name);
        match self.kind {
            IssuerKind::Issuer => write!(f, "Issuer {}/{name}", self.namespace),
            IssuerKind::ClusterIssuer => write!(f, "ClusterIssuer {name}"),
        }
    }
}

/// A CertificateRequest may refer to any text, also to one that no issuer can have as its name.
fn shown(name: &str) -> Cow<'_, str> {
    match is_object_name(name) {
        true => Cow::Borrowed(name),
        false => Cow::Owned(quote::message(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_quoted_and_cut() {
        let issuer = |name: &str| {
            let name = IssuerName {
                kind: IssuerKind::ClusterIssuer,
                namespace: String::new(),
                name: name.to_owned(),
            };
            name.to_string()
        };
        assert_eq!(issuer("corp-ca.v2"), "ClusterIssuer corp-ca.v2");
        assert_eq!(issuer("a\nb"), "ClusterIssuer \"a\\nb\"");
        assert!(issuer(&"a".repeat(100_000)).len() < 2000);
    }
}
