//! Reads what exists.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::Api;
use kube::api::ListParams;
use kube::core::{PartialObjectMeta, Selector};
use signet_api::{IssuerKind, IssuerSpec};

use super::demand::Demand;
use super::object::{Found, ObjectKind, name};
use super::problem::Problem;
use super::trust_bundle::{self, Allowed, Observation};
use crate::context::Context;
use crate::deadline::queued;
use crate::issuer_name::IssuerName;
use crate::pages;
use crate::without_times::WithoutTimes;

/// The number of objects in one response.
const PAGE: u32 = 100;

/// What was observed about an issuer's bundle.
#[derive(Clone, Debug)]
pub struct Observed {
    pub demand: Demand,
    /// What exists in the issuer's own namespace, or why it could not be read.
    pub(super) own: Result<Own, Problem>,
    pub(super) trust_bundle: Observation,
}

impl Observed {
    /// Returns the roots in Signet's objects in the issuer's own namespace, in PEM; none if they
    /// could not be read. If a ClusterIssuer has none there, those in its ClusterTrustBundle. That of
    /// an Issuer stays when its namespace is deleted, and the next one of the name starts over.
    pub fn in_object(&self, issuer: IssuerKind) -> Option<String> {
        let own = self.own.as_ref().ok()?;
        let found = [&own.config_map, &own.secret].into_iter().flatten();
        let ours = found.filter(|found| found.is_ours);
        let pem: String = ours.filter_map(|found| found.pem.as_deref()).collect();
        let of_cluster = || self.trust_bundle.ours()?.pem.clone();
        match issuer {
            IssuerKind::ClusterIssuer if pem.is_empty() => of_cluster().or(Some(pem)),
            _ => Some(pem),
        }
    }

    /// Returns whether a ClusterTrustBundle has to be there.
    pub(super) fn requires_trust_bundle(&self) -> bool {
        let exists = self.trust_bundle.ours().is_some();
        self.demand.trust_bundle.requires(exists)
    }
}

/// What exists under the name of an issuer's bundle in the issuer's own namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) config_map: Option<Found>,
    pub(super) secret: Option<Found>,
}

impl Own {
    pub(super) fn get(&self, kind: ObjectKind) -> Option<&Found> {
        match kind {
            ObjectKind::ConfigMap => self.config_map.as_ref(),
            ObjectKind::Secret => self.secret.as_ref(),
        }
    }

    pub(super) fn is_ours(&self, kind: ObjectKind) -> bool {
        self.get(kind).is_some_and(|found| found.is_ours)
    }
}

impl Observed {
    /// Returns the number of bundle objects, copies aside.
    pub fn count(&self) -> usize {
        let exists = |own: &Own| {
            let kinds = ObjectKind::ALL.into_iter();
            kinds.filter(|kind| own.is_ours(*kind)).count()
        };
        let of_cluster = usize::from(self.trust_bundle.ours().is_some());
        self.own.as_ref().map_or(0, exists) + of_cluster
    }
}

/// A namespace that a selector selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) name: String,
    pub(super) is_terminating: bool,
}

/// Returns what the spec of an issuer demands, and reads the objects in the issuer's own namespace
/// and its ClusterTrustBundle.
pub async fn observe(
    issuer: &IssuerName,
    spec: Option<&IssuerSpec>,
    context: &Context,
) -> Observed {
    let namespace = context.resource_namespace(issuer);
    // A tenant may have a thousand issuers, each with such an object of 1 MiB.
    let _permit = queued(context.reads.acquire(&issuer.namespace)).await;
    let own = read_own(issuer, namespace, context).await;
    let settings = &context.settings;
    let allowed = Allowed {
        any: settings.cluster_trust_bundles,
        of_issuers: settings.issuer_cluster_trust_bundles,
    };
    let all_namespaces = settings.bundles_in_all_namespaces;
    let demand = Demand::new(issuer.kind, spec, all_namespaces, allowed);
    Observed {
        trust_bundle: trust_bundle::observe(issuer, demand.trust_bundle, context).await,
        own: own.map_err(|error| Problem::read(namespace, &error)),
        demand,
    }
}

async fn read_own(
    issuer: &IssuerName,
    namespace: &str,
    context: &Context,
) -> Result<Own, kube::Error> {
    if issuer.kind == IssuerKind::MeshCA {
        // It never has such an object, and its own are read with its mesh.
        return Ok(Own::default());
    }
    let client = || context.client.clone();
    let config_maps: Api<ConfigMap> = Api::namespaced(client(), namespace);
    let secrets: Api<Secret> = Api::namespaced(client(), namespace);
    let name = name(issuer);
    let config_map = config_maps.get_opt(&name).await?;
    let secret = secrets.get_opt(&name).await?;
    Ok(Own {
        config_map: config_map.map(|object| Found::config_map(object, issuer)),
        secret: secret.map(|object| Found::secret(object, issuer)),
    })
}

/// Lists the ConfigMaps with the name of an issuer's bundle outside of its own namespace.
pub(super) async fn copies(
    issuer: &IssuerName,
    context: &Context,
) -> Result<Vec<Found>, kube::Error> {
    let api: Api<WithoutTimes<ConfigMap>> = Api::all(context.client.clone());
    let mut page = Some(by_name(issuer));
    let mut found = Vec::new();
    while let Some(params) = page {
        let listed = api.list(&params).await?;
        let objects = listed.items.into_iter();
        found.extend(objects.map(|WithoutTimes(object)| Found::config_map(object, issuer)));
        page = pages::next(params, &listed.metadata);
    }
    let own = context.resource_namespace(issuer);
    found.retain(|one| one.namespace != own);
    Ok(found)
}

fn by_name(issuer: &IssuerName) -> ListParams {
    let name = format!("metadata.name={}", name(issuer));
    ListParams::default().fields(&name).limit(PAGE)
}

/// Lists the namespaces that a selector selects, without the issuer's own.
pub(super) async fn selected(
    selector: &Selector,
    issuer: &IssuerName,
    context: &Context,
) -> Result<Vec<Selected>, kube::Error> {
    let api: Api<Namespace> = Api::all(context.client.clone());
    let mut page = Some(ListParams::default().labels_from(selector).limit(PAGE));
    let mut selected = Vec::new();
    while let Some(params) = page {
        let listed = api.list_metadata(&params).await?;
        let namespace = |object: PartialObjectMeta<Namespace>| Selected {
            is_terminating: object.metadata.deletion_timestamp.is_some(),
            name: object.metadata.name.unwrap_or_default(),
        };
        selected.extend(listed.items.into_iter().map(namespace));
        page = pages::next(params, &listed.metadata);
    }
    let own = context.resource_namespace(issuer);
    selected.retain(|one| one.name != own);
    Ok(selected)
}
