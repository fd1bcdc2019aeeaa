//! Which objects a spec demands. Pure.

use std::collections::BTreeMap;

use kube::core::{Expression, Selector};
use signet_api::{
    BundleKind, IssuerKind, IssuerSpec, LabelOperator, LabelRequirement, NamespaceSelector,
};

use super::object::ObjectKind;
use super::trust_bundle::{Allowed, TrustBundleDemand};

/// The objects that a spec demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    pub own: OwnDemand,
    pub trust_bundle: TrustBundleDemand,
    /// The namespaces with a copy, if the spec names any.
    pub selector: Option<Selector>,
    /// Whether copies that an earlier spec demanded are looked for and deleted.
    pub finds_old_copies: bool,
    /// The labels in the spec.
    pub labels: BTreeMap<String, String>,
}

/// The object in the issuer's own namespace (for a ClusterIssuer, the cluster resource namespace).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnDemand {
    /// One of this kind.
    Object(ObjectKind),
    /// None is asked for, but one that exists is read by someone and kept up to date.
    WhatExists,
    /// None.
    Nothing,
}

impl Demand {
    /// Returns what the spec of an issuer demands. `all_namespaces` is whether the operator may
    /// write ConfigMaps in all namespaces.
    pub fn new(
        issuer: IssuerKind,
        spec: Option<&IssuerSpec>,
        all_namespaces: bool,
        allowed: Allowed,
    ) -> Self {
        let trust_bundle = TrustBundleDemand::new(issuer, spec, allowed);
        let spec = spec.and_then(|spec| spec.bundle.as_ref());
        let is_cluster_issuer = issuer == IssuerKind::ClusterIssuer;
        let own = match spec.map(|spec| spec.kind) {
            // The roots are in the mesh's own objects.
            _ if issuer == IssuerKind::MeshCA => OwnDemand::Nothing,
            Some(BundleKind::ConfigMap) => OwnDemand::Object(ObjectKind::ConfigMap),
            Some(BundleKind::Secret) => OwnDemand::Object(ObjectKind::Secret),
            Some(BundleKind::None) => OwnDemand::Nothing,
            None if is_cluster_issuer || all_namespaces => OwnDemand::Object(ObjectKind::ConfigMap),
            None => OwnDemand::WhatExists,
        };
        let selector = spec.and_then(|spec| spec.namespace_selector.as_ref());
        let selector = selector.filter(|_| is_cluster_issuer);
        Self {
            own,
            trust_bundle,
            selector: selector.map(to_selector),
            finds_old_copies: is_cluster_issuer && all_namespaces,
            labels: spec.map(|spec| spec.labels.clone()).unwrap_or_default(),
        }
    }
}

impl OwnDemand {
    /// Returns whether an object of this kind has to be there. `exists` is whether it is, by
    /// Signet.
    pub fn requires(self, kind: ObjectKind, exists: bool) -> bool {
        match self {
            Self::Object(required) => required == kind,
            Self::WhatExists => exists,
            Self::Nothing => false,
        }
    }
}

/// A label selector, which the API server evaluates.
fn to_selector(selector: &NamespaceSelector) -> Selector {
    let labels = selector.match_labels.iter();
    let equal = labels.map(|(key, value)| Expression::Equal(key.clone(), value.clone()));
    equal
        .chain(selector.match_expressions.iter().map(to_expression))
        .collect()
}

fn to_expression(requirement: &LabelRequirement) -> Expression {
    let key = requirement.key.clone();
    let values = || requirement.values.iter().cloned().collect();
    match requirement.operator {
        LabelOperator::In => Expression::In(key, values()),
        LabelOperator::NotIn => Expression::NotIn(key, values()),
        LabelOperator::Exists => Expression::Exists(key),
        LabelOperator::DoesNotExist => Expression::DoesNotExist(key),
    }
}
