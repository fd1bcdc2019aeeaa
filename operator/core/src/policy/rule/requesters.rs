//! Who may request under a rule, and how reliably each is known.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::pattern::{DnsPattern, PathPattern};
use crate::request::ServiceAccount;

/// The requesters of a rule: exactly one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requesters {
    /// ServiceAccounts acting for themselves, with a token of their own; by name, or all of these
    /// namespaces.
    ServiceAccounts {
        /// By name.
        named: BTreeSet<ServiceAccount>,
        /// Or by namespace.
        namespaces: Option<Namespaces>,
    },
    /// cert-manager Certificates, by namespace. cert-manager makes the request, so the namespace is
    /// what is known, and the name of the Certificate.
    Certificates(Namespaces),
    /// Pods through the kubelet, by namespace (PodCertificateRequest).
    Pods(Namespaces),
    /// Agents that have authenticated a workload themselves and request on its behalf.
    Delegates(Delegates),
    /// Every approved request. Only the preset `Default` of an issuer without a trust domain has it.
    Anyone,
}

/// Namespaces of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// Every namespace.
    All,
    /// By name.
    Named(BTreeSet<String>),
    /// By their labels: all of these (`matchLabels`). Trusts everyone who may label namespaces.
    Labeled(BTreeMap<String, String>),
}

/// Agents, and for whom they may request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegates {
    /// The agents.
    pub agents: BTreeSet<Agent>,
    /// The namespaces of the identities that they may request.
    pub act_for: Namespaces,
    /// The namespaces in which an agent makes requests for any of those namespaces. A request in
    /// any other namespace is for an identity of that namespace only.
    pub request_in: BTreeSet<String>,
    /// What belongs to the agents themselves.
    pub own: Option<OwnNames>,
    /// Who else learns of a refusal, for agents that read none. Only presets have it.
    pub unread: Option<UnreadRefusals>,
}

/// The workloads of agents that read no refusals: an event in the namespace of the workload tells its
/// users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadRefusals {
    /// Where a request names its workload.
    pub named_by: WorkloadName,
    /// The namespaces of workloads.
    pub namespaces: Namespaces,
}

/// Where a request names its workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkloadName {
    /// The SPIFFE ID `/ns/<namespace>/sa/<account>`, in any trust domain.
    SpiffeId,
    /// The first DNS name, `<account>.<namespace>.<trust domain>`, or the same after
    /// `<UUID>.sidecar.` (Open Service Mesh).
    DnsName {
        /// The suffix of the names.
        trust_domain: String,
    },
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Agent {
    /// A ServiceAccount, recognized by its token.
    ServiceAccount(ServiceAccount),
    /// A user, by name; never a ServiceAccount's username.
    User(String),
    /// A group, other than those of ServiceAccounts.
    Group(String),
}

/// The names of an agent itself. A request that lists only these DNS names, and no URI but
/// the agent's own SPIFFE ID, gets that ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnNames {
    /// Its DNS names.
    pub dns_names: Vec<DnsPattern>,
    /// Its path in the trust domain, without variables.
    pub spiffe_id: PathPattern,
}
