//! What policy knows of an issuer.

use std::collections::BTreeSet;

use super::ca::CaProfile;
use super::lifetime::LifetimeLimits;
use super::rule::Rule;
use crate::ca::Limits;
use crate::request::ServiceAccount;
use crate::spiffe::TrustDomain;
use crate::x509::names::NameSet;

/// The issuer that a request names, as far as policy needs to know it.
#[derive(Clone, Copy, Debug)]
pub enum Issuer<'a> {
    /// The issuer does not exist.
    Missing {
        /// How the request names it, for the message.
        name: &'a str,
        /// An issuer of the same name and another kind, which exists.
        other: Option<&'a str>,
    },
    /// It cannot sign now.
    NotReady {
        /// How the request names it, for the message.
        name: &'a str,
        /// The message of its Ready condition.
        message: &'a str,
    },
    /// It can sign, under this policy.
    Ready(&'a IssuerPolicy),
}

/// The policy of one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerPolicy {
    /// The namespace of a namespaced issuer; none for a ClusterIssuer.
    pub namespace: Option<String>,
    /// The namespaces of the operator and of the Secrets of ClusterIssuers. Besides these,
    /// `kube-system` and cert-manager's own are closed to delegates.
    pub reserved_namespaces: BTreeSet<String>,
    /// The ServiceAccount whose requests are made for Certificates.
    pub cert_manager: ServiceAccount,
    /// What the CA certificates of the issuer's chain forbid below them.
    pub limits: Limits,
    /// The subjects of the CA certificates that the issuer knows: no certificate may have one.
    pub ca_subjects: NameSet,
    /// How long certificates may be valid.
    pub lifetimes: LifetimeLimits,
    /// The profile of CA requests; none refuses them.
    pub ca: Option<CaProfile>,
    /// The trust domain, which no leaf leaves; none makes the issuer a plain private CA.
    pub trust_domain: Option<TrustDomain>,
    /// Who may request what: the first rule that allows the whole request decides. Those of an
    /// issuer without rules are [`default_rules`](super::default_rules).
    pub rules: Vec<Rule>,
}
