//! What policy needs to know about the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use crate::spiffe::TrustDomain;

/// What was observed in the cluster when a request is decided.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The labels of namespaces.
    pub namespaces: &'a dyn NamespaceLabels,
    /// The trust domains whose IDs an issuer without a trust domain must not issue: those of the
    /// issuers with which it shares a key or a root. None if not all issuers are known yet.
    pub served_trust_domains: Option<&'a BTreeSet<TrustDomain>>,
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
