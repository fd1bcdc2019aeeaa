//! What policy needs to know about the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use crate::spiffe::TrustDomain;

/// What was observed in the cluster when a request is decided.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The labels of namespaces.
    pub namespaces: &'a dyn NamespaceLabels,
    /// The trust domains whose IDs an issuer without a trust domain must not issue.
    pub served_trust_domains: &'a dyn ServedTrustDomains,
}

/// The labels of namespaces, for rules that select by them.
pub trait NamespaceLabels: Debug + Send + Sync {
    /// Returns the labels of a namespace; none if they are not known.
    fn labels(&self, namespace: &str) -> Option<BTreeMap<String, String>>;
}

/// Namespaces and their labels.
impl NamespaceLabels for BTreeMap<String, BTreeMap<String, String>> {
    fn labels(&self, namespace: &str) -> Option<BTreeMap<String, String>> {
        self.get(namespace).cloned()
    }
}

/// The trust domains of other issuers, for a request with a SPIFFE ID to an issuer that has none.
pub trait ServedTrustDomains: Debug + Send + Sync {
    /// Returns those of the issuers with which the issuer shares a key or a root; none if not all
    /// issuers are known yet.
    fn list(&self) -> Option<BTreeSet<TrustDomain>>;
}

impl ServedTrustDomains for Option<BTreeSet<TrustDomain>> {
    fn list(&self) -> Option<BTreeSet<TrustDomain>> {
        self.clone()
    }
}
