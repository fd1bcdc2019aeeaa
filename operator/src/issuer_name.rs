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
    /// The namespace of an Issuer or MeshCA; empty for a ClusterIssuer.
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
        match self.kind.is_namespaced() {
            true => reference.within(&self.namespace),
            false => reference,
        }
    }
}

impl fmt::Display for IssuerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = (self.kind, shown(&self.name));
        match kind.is_namespaced() {
            true => write!(f, "{kind} {}/{name}", self.namespace),
            false => write!(f, "{kind} {name}"),
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
    fn a_namespaced_kind_is_shown_with_its_namespace() {
        for (kind, namespace, expected) in [
            (IssuerKind::Issuer, "shop", "Issuer shop/ca"),
            (IssuerKind::ClusterIssuer, "", "ClusterIssuer ca"),
            (IssuerKind::MeshCA, "istio-system", "MeshCA istio-system/ca"),
        ] {
            let name = IssuerName {
                kind,
                namespace: namespace.to_owned(),
                name: "ca".to_owned(),
            };
            assert_eq!(name.to_string(), expected);
        }
    }

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
