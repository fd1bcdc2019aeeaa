//! Reads what exists.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::Api;
use kube::api::ListParams;
use kube::core::{PartialObjectMeta, Selector};
use signet_api::BundleSpec;

use super::demand::Demand;
use super::object::{Found, ObjectKind, name};
use super::problem::Problem;
use crate::context::Context;
use crate::issuer_name::IssuerName;

/// The number of objects in one response.
const PAGE: u32 = 100;

/// What was observed about an issuer's bundle.
#[derive(Clone, Debug)]
pub struct Observed {
    pub demand: Demand,
    /// What exists in the issuer's own namespace, or why it could not be read.
    pub(super) own: Result<Own, Problem>,
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

/// A namespace that a selector selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) name: String,
    pub(super) is_terminating: bool,
}

/// Returns what the spec of an issuer demands, and reads the objects in the issuer's own namespace.
pub async fn observe(
    issuer: &IssuerName,
    spec: Option<&BundleSpec>,
    context: &Context,
) -> Observed {
    let namespace = context.resource_namespace(issuer);
    let own = read_own(issuer, namespace, context).await;
    Observed {
        demand: Demand::new(
            issuer.kind,
            spec,
            context.settings.bundles_in_all_namespaces,
        ),
        own: own.map_err(|error| Problem::read(namespace, &error)),
    }
}

async fn read_own(
    issuer: &IssuerName,
    namespace: &str,
    context: &Context,
) -> Result<Own, kube::Error> {
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
    let api: Api<ConfigMap> = Api::all(context.client.clone());
    let mut page = by_name(issuer);
    let mut found = Vec::new();
    loop {
        let listed = api.list(&page).await?;
        let objects = listed.items.into_iter();
        found.extend(objects.map(|object| Found::config_map(object, issuer)));
        match listed.metadata.continue_ {
            Some(token) if !token.is_empty() => page = by_name(issuer).continue_token(&token),
            _ => break,
        }
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
    let first = ListParams::default().labels_from(selector).limit(PAGE);
    let mut page = first.clone();
    let mut selected = Vec::new();
    loop {
        let listed = api.list_metadata(&page).await?;
        let namespace = |object: PartialObjectMeta<Namespace>| Selected {
            is_terminating: object.metadata.deletion_timestamp.is_some(),
            name: object.metadata.name.unwrap_or_default(),
        };
        selected.extend(listed.items.into_iter().map(namespace));
        match listed.metadata.continue_ {
            Some(token) if !token.is_empty() => page = first.clone().continue_token(&token),
            _ => break,
        }
    }
    let own = context.resource_namespace(issuer);
    selected.retain(|one| one.name != own);
    Ok(selected)
}
