//! What identifies an issuer.

use std::fmt;

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use signet_api::{IssuerKind, IssuerResource};

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
        match self.kind {
            IssuerKind::Issuer => write!(f, "Issuer {}/{}", self.namespace, self.name),
            IssuerKind::ClusterIssuer => write!(f, "ClusterIssuer {}", self.name),
        }
    }
}
