//! Why an object is not as it should be. Pure.

use std::time::Duration;

use signet_api::IssuerKind;
use signet_core::ca::lifecycle::MAX_BUNDLE;

use super::object::{Kind, Location, ObjectKind};
use super::reason::BundleReason;
use crate::api_error::{describe, is_missing_permission};

/// Why an object is not up to date, and what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) reason: BundleReason,
    pub(super) message: String,
}

impl Problem {
    fn new(reason: BundleReason, message: String) -> Self {
        Self { reason, message }
    }

    pub(super) fn timeout(after: Duration) -> Self {
        let message = format!(
            "the API server did not respond within {} s; Signet tries again by itself",
            after.as_secs()
        );
        Self::new(BundleReason::WriteFailed, message)
    }

    pub(super) fn too_large(bytes: usize) -> Self {
        let message = format!(
            "the bundle would have {bytes} bytes, and at most {MAX_BUNDLE} are published, so no root \
             is added to it; remove roots that are no longer used from the issuer's certificate"
        );
        Self::new(BundleReason::BundleTooLarge, message)
    }

    pub(super) fn foreign(at: &Location) -> Self {
        let message = format!(
            "the {at} exists, and Signet did not create it for this issuer; delete it or rename it"
        );
        Self::new(BundleReason::ForeignObject, message)
    }

    /// Another client created, changed or deleted the object meanwhile.
    pub(super) fn conflict(at: &Location) -> Self {
        let message = format!("the {at} was changed by another client; Signet tries again");
        Self::new(BundleReason::WriteFailed, message)
    }

    pub(super) fn write(at: &Location, verb: &'static str, error: &kube::Error) -> Self {
        if !is_missing_permission(error) {
            let message = format!("cannot {verb} the {at}: {}", describe(error));
            return Self::new(BundleReason::WriteFailed, message);
        }
        let (resource, namespace) = (at.kind.plural(), &at.namespace);
        let message = match namespace.as_str() {
            "" => format!("Signet may not {verb} the {at}; {}", at.grant()),
            _ => format!(
                "Signet may not {verb} {resource} in the namespace {namespace}; {}",
                at.grant()
            ),
        };
        Self::new(BundleReason::PermissionMissing, message)
    }

    /// Whether the cluster serves ClusterTrustBundles could not be found out.
    pub(super) fn discovery(why: &str) -> Self {
        let message =
            format!("cannot find out whether the cluster serves ClusterTrustBundles: {why}");
        Self::new(BundleReason::WriteFailed, message)
    }

    /// A ClusterTrustBundle that is asked for and that this chart value has to allow.
    pub(super) fn denied(value: &str) -> Self {
        let message = format!(
            "the issuer asks for a ClusterTrustBundle, and the operator does not publish it; set \
             the chart value {value}, or remove bundle.clusterTrustBundle"
        );
        Self::new(BundleReason::PermissionMissing, message)
    }

    /// A list of copies or of namespaces.
    pub(super) fn list(resource: &str, error: &kube::Error) -> Self {
        if !is_missing_permission(error) {
            let message = format!("cannot list {resource}: {}", describe(error));
            return Self::new(BundleReason::WriteFailed, message);
        }
        let message = format!(
            "Signet may not list {resource} in all namespaces; set the chart value \
             bundles.allNamespaces"
        );
        Self::new(BundleReason::PermissionMissing, message)
    }

    /// The objects in the issuer's own namespace.
    pub(super) fn read(namespace: &str, error: &kube::Error) -> Self {
        let message = format!(
            "cannot read the objects in the namespace {namespace}: {}",
            describe(error)
        );
        Self::new(BundleReason::WriteFailed, message)
    }
}

impl Location {
    /// What grants the permission to write it.
    fn grant(&self) -> String {
        let role = format!(
            "allow it to create, patch and delete {} with a Role",
            self.kind.plural()
        );
        match (self.is_in_all_namespaces, self.kind) {
            (_, Kind::ClusterTrustBundle(_)) => {
                let signer = self.name.strip_suffix(":bundle").unwrap_or(&self.name);
                let signer = signer.replace(':', "/");
                format!(
                    "set the chart value {}, or allow it to create, patch and delete \
                     clustertrustbundles and to attest for the signer {signer} with a ClusterRole",
                    chart_value(&signer)
                )
            }
            (true, Kind::Namespaced(ObjectKind::ConfigMap)) => {
                format!("set the chart value bundles.allNamespaces, or {role} there")
            }
            (false, Kind::Namespaced(ObjectKind::Secret)) => {
                format!("set the chart value bundles.secrets, or {role} there")
            }
            _ => format!("{role} there"),
        }
    }
}

/// The chart value that allows the ClusterTrustBundle of a signer.
fn chart_value(signer: &str) -> &'static str {
    match signer.starts_with(IssuerKind::ClusterIssuer.plural()) {
        true => "bundles.clusterTrustBundles.enabled",
        false => "bundles.clusterTrustBundles.issuers",
    }
}
