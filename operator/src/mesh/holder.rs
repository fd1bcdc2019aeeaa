//! Whose an object of a mesh is. Pure.

use kube::core::ObjectMeta;

use crate::issuer_name::IssuerName;
use crate::plan::{made_for, made_for_any};

/// Who has an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// The MeshCA, or one of its name before.
    Own,
    /// Another controller or tool, which would write back what it has; it is named.
    Other(String),
    /// Nothing is in it, and no tool has entries of it.
    Empty,
    /// A person.
    Person,
}

const HELM: &str = "meta.helm.sh/release-name";
/// What shows that a tool has an object: an annotation, and the tool.
const ANNOTATIONS: [(&str, &str); 4] = [
    (HELM, "Helm"),
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("kubectl.kubernetes.io/applyset-part-of", "an ApplySet"),
    (
        "config.k8s.io/owning-inventory",
        "an inventory of cli-utils",
    ),
];
const LABELS: [(&str, &str); 2] = [
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
];
const CERT_MANAGER: &str = "cert-manager.io/certificate-name";

/// Whether a release of Helm has an object.
pub(super) fn is_of_helm(meta: &ObjectMeta) -> bool {
    let mut annotations = meta.annotations.iter().flatten();
    annotations.any(|(key, _)| key == HELM)
}

impl Holder {
    /// A tool that applies an empty object has none of its entries, so it writes nothing back: such an
    /// object is how Signet does without the permission to create it.
    pub(super) fn of(meta: &ObjectMeta, is_empty: bool, mesh_ca: &IssuerName) -> Self {
        let annotations = meta.annotations.clone().unwrap_or_default();
        let labels = meta.labels.clone().unwrap_or_default();
        if let Some(owner) = meta.owner_references.iter().flatten().next() {
            return Self::Other(format!("{} {}", owner.kind, owner.name));
        }
        if let Some(certificate) = annotations.get(CERT_MANAGER) {
            return Self::Other(format!("cert-manager's Certificate {certificate}"));
        }
        if made_for(&annotations, mesh_ca).is_some() {
            return Self::Own;
        }
        // Two MeshCAs would write to it in turn, and a Secret with keys is not the mesh's.
        if let Some(issuer) = made_for_any(&annotations) {
            return Self::Other(issuer);
        }
        if is_empty {
            return Self::Empty;
        }
        let by_annotation = ANNOTATIONS
            .iter()
            .find(|(key, _)| annotations.contains_key(*key));
        let by_label = LABELS.iter().find(|(key, _)| labels.contains_key(*key));
        match by_annotation.or(by_label) {
            Some((_, tool)) => Self::Other((*tool).to_owned()),
            None => Self::Person,
        }
    }

    /// Returns why Signet does not touch the object; none if it may. The message follows the name of
    /// the object.
    pub(super) fn refusal(&self, adopts: bool) -> Option<String> {
        match self {
            Self::Own => None,
            Self::Empty | Self::Person if adopts => None,
            Self::Other(holder) => Some(format!(
                "belongs to {holder}, which would write back what it has; remove the object from it, \
                 with its owner reference and annotations"
            )),
            Self::Empty | Self::Person => Some(
                "exists, and Signet did not create it; set spec.adopt to take it over, with the CA in \
                 it, or delete it"
                    .to_owned(),
            ),
        }
    }
}
