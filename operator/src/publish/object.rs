//! The objects that hold a bundle. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::core::ObjectMeta;
use signet_api::IssuerKind;
use signet_core::ca::MAX_PEM_BYTES;

use super::trust_bundle::{self, ClusterTrustBundle, Version};
use crate::issuer_name::IssuerName;
use crate::plan::{FIELD_MANAGER, issuer_annotations, made_for, managed_by};
use crate::writer::ObjectVersion;

/// The key that holds the bundle.
const KEY: &str = "ca.crt";

type Map = BTreeMap<String, String>;

/// The kinds of objects that hold a bundle in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    ConfigMap,
    Secret,
}

impl ObjectKind {
    pub(super) const ALL: [Self; 2] = [Self::ConfigMap, Self::Secret];

    /// The name of the resource in a Role.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Secret => "secrets",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        })
    }
}

/// Returns the name of the objects with an issuer's bundle. Issuers have names of at most 200
/// characters, so it is not too long, and no other product writes such a name.
pub(super) fn name(issuer: &IssuerName) -> String {
    let kind = match issuer.kind {
        IssuerKind::Issuer => "issuer",
        IssuerKind::ClusterIssuer => "clusterissuer",
        IssuerKind::MeshCA => "meshca",
    };
    format!("{kind}-{}-bundle", issuer.name)
}

/// All kinds of objects that hold a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Namespaced(ObjectKind),
    /// In the version that the cluster serves.
    ClusterTrustBundle(Version),
}

impl Kind {
    /// The name of the resource in a Role.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Namespaced(kind) => kind.plural(),
            Self::ClusterTrustBundle(_) => Version::PLURAL,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespaced(kind) => kind.fmt(f),
            Self::ClusterTrustBundle(_) => f.write_str(Version::KIND),
        }
    }
}

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Location {
    pub(super) kind: Kind,
    /// Empty for an object that is in no namespace.
    pub(super) namespace: String,
    pub(super) name: String,
    /// Whether the chart grants the permission to write it in all namespaces or nowhere.
    pub(super) is_in_all_namespaces: bool,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{} {}", self.kind, self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind, self.name),
        }
    }
}

/// What an object has to contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    issuer: IssuerName,
    pem: String,
    labels: Map,
    annotations: Map,
}

impl Content {
    /// `labels` are those in the spec.
    pub(super) fn new(issuer: &IssuerName, uid: &str, pem: &str, labels: &Map) -> Self {
        let mut labels = labels.clone();
        labels.extend([managed_by()]);
        Self {
            issuer: issuer.clone(),
            pem: pem.to_owned(),
            labels,
            annotations: issuer_annotations(issuer, uid),
        }
    }

    /// Returns the metadata with which an object is created: only what stays for as long as it
    /// exists. Server-side apply does not remove what another operation has set, a label of the
    /// spec for example.
    pub(super) fn created(&self, at: &Location) -> ObjectMeta {
        ObjectMeta {
            name: Some(at.name.clone()),
            namespace: Some(at.namespace.clone()).filter(|namespace| !namespace.is_empty()),
            labels: Some([managed_by()].into()),
            annotations: Some(self.annotations.clone()),
            ..ObjectMeta::default()
        }
    }

    /// Returns the metadata that is applied to the object in this state.
    pub(super) fn applied(&self, at: &Location, version: &ObjectVersion) -> ObjectMeta {
        ObjectMeta {
            uid: Some(version.uid.clone()),
            resource_version: Some(version.resource_version.clone()),
            labels: Some(self.labels.clone()),
            ..self.created(at)
        }
    }

    pub(super) fn config_map(&self, metadata: ObjectMeta) -> ConfigMap {
        ConfigMap {
            metadata,
            data: Some([(KEY.to_owned(), self.pem.clone())].into()),
            ..ConfigMap::default()
        }
    }

    pub(super) fn secret(&self, metadata: ObjectMeta) -> Secret {
        let pem = ByteString(self.pem.clone().into_bytes());
        Secret {
            metadata,
            data: Some([(KEY.to_owned(), pem)].into()),
            ..Secret::default()
        }
    }

    pub(super) fn trust_bundle(
        &self,
        version: Version,
        metadata: ObjectMeta,
    ) -> ClusterTrustBundle {
        trust_bundle::object(version, metadata, &self.issuer, &self.pem)
    }
}

/// An object that exists under the name of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Empty for an object that is in no namespace.
    pub(super) namespace: String,
    pub(super) version: ObjectVersion,
    /// Whether Signet created it for this issuer, or for one of the same name before.
    pub(super) is_ours: bool,
    /// The bundle in it. That of others, or one too large to be read, is not kept: it would take
    /// memory for as long as the issuer is reconciled.
    pub(super) pem: Option<String>,
    labels: Map,
    annotations: Map,
    /// The keys of the labels that Signet has applied.
    applied_labels: BTreeSet<String>,
}

impl Found {
    pub(super) fn config_map(object: ConfigMap, issuer: &IssuerName) -> Self {
        let pem = object.data.and_then(|mut data| data.remove(KEY));
        Self::new(object.metadata, pem, issuer)
    }

    pub(super) fn secret(object: Secret, issuer: &IssuerName) -> Self {
        let pem = object.data.and_then(|mut data| data.remove(KEY));
        let pem = pem.and_then(|pem| String::from_utf8(pem.0).ok());
        Self::new(object.metadata, pem, issuer)
    }

    pub(super) fn trust_bundle(object: ClusterTrustBundle, issuer: &IssuerName) -> Self {
        let pem = object.spec.trust_bundle;
        Self::new(object.metadata, Some(pem), issuer)
    }

    fn new(meta: ObjectMeta, pem: Option<String>, issuer: &IssuerName) -> Self {
        let applied_labels = applied_labels(&meta);
        let labels = meta.labels.unwrap_or_default();
        let annotations = meta.annotations.unwrap_or_default();
        let (managed_by, signet) = managed_by();
        let is_ours =
            labels.get(&managed_by) == Some(&signet) && made_for(&annotations, issuer).is_some();
        Self {
            namespace: meta.namespace.unwrap_or_default(),
            version: ObjectVersion {
                uid: meta.uid.unwrap_or_default(),
                resource_version: meta.resource_version.unwrap_or_default(),
            },
            is_ours,
            pem: pem.filter(|pem| is_ours && pem.len() <= MAX_PEM_BYTES),
            labels,
            annotations,
            applied_labels,
        }
    }

    /// Whether the object is as Signet would write it. Labels and annotations of others may be
    /// there too.
    pub(super) fn has(&self, content: &Content) -> bool {
        let is_in = |part: &Map, whole: &Map| part.iter().all(|(k, v)| whole.get(k) == Some(v));
        self.pem.as_ref() == Some(&content.pem)
            && is_in(&content.labels, &self.labels)
            && is_in(&content.annotations, &self.annotations)
            && self.applied_labels.iter().eq(content.labels.keys())
    }
}

/// Returns the keys of the labels in Signet's last server-side apply. A label that the spec no longer
/// has is among them.
fn applied_labels(meta: &ObjectMeta) -> BTreeSet<String> {
    let managers = meta.managed_fields.iter().flatten();
    let mut applied = managers.filter(|entry| {
        entry.manager.as_deref() == Some(FIELD_MANAGER)
            && entry.operation.as_deref() == Some("Apply")
    });
    let fields = applied.next().and_then(|entry| entry.fields_v1.as_ref());
    let labels = fields.and_then(|fields| fields.0.pointer("/f:metadata/f:labels")?.as_object());
    let keys = labels.into_iter().flat_map(|labels| labels.keys());
    keys.filter_map(|key| key.strip_prefix("f:").map(str::to_owned))
        .collect()
}
