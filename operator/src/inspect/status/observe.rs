//! Reads what `signet status` prints.

use anyhow::bail;
use jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::{Api, Client};
use signet_api::{CAGeneration, ClusterIssuer, Issuer, IssuerKind, IssuerResource, MeshCA};

use super::facts::{Facts, Listed};
use crate::api_error::describe;
use crate::args::{IssuerArgument, Status};
use crate::inspect::client::Cluster;
use crate::issuer_name::IssuerName;
use crate::issuers::generations_of;
use crate::pages;
use crate::requests::census;
use crate::without_times::WithoutTimes;

/// Reads the facts. Fails if there is no such issuer, or the user may not read it.
pub(super) async fn facts(
    settings: &Status,
    cluster: &Cluster,
    now: Timestamp,
) -> anyhow::Result<Facts> {
    let client = &cluster.client;
    let namespace = settings.namespace.as_deref();
    let namespace = namespace.unwrap_or_else(|| cluster.default_namespace());
    let mut facts = issuer(&settings.issuer, namespace, client, now).await?;
    let namespace = match facts.name.kind {
        IssuerKind::Issuer | IssuerKind::MeshCA => &facts.name.namespace,
        IssuerKind::ClusterIssuer => &settings.cluster_resource_namespace,
    };
    let (generations, requests) = tokio::join!(
        generations(client, &facts.name, namespace),
        census::waiting(client, &facts.name),
    );
    facts.generations = generations.map_err(|error| describe(&error));
    facts.requests = requests;
    Ok(facts)
}

async fn issuer(
    wanted: &IssuerArgument,
    namespace: &str,
    client: &Client,
    now: Timestamp,
) -> anyhow::Result<Facts> {
    let name = &wanted.name;
    let issuers: Api<WithoutTimes<Issuer>> = Api::namespaced(client.clone(), namespace);
    let cluster_issuers: Api<WithoutTimes<ClusterIssuer>> = Api::all(client.clone());
    let mesh_cas: Api<WithoutTimes<MeshCA>> = Api::namespaced(client.clone(), namespace);
    let is_wanted = |kind| wanted.kind.is_none_or(|wanted| wanted == kind);
    let issuer = match is_wanted(IssuerKind::Issuer) {
        true => get(&issuers, name, now).await,
        false => Ok(None),
    };
    let cluster_issuer = match is_wanted(IssuerKind::ClusterIssuer) {
        true => get(&cluster_issuers, name, now).await,
        false => Ok(None),
    };
    // Without a kind, a name is that of an issuer.
    let mesh_ca = match wanted.kind {
        Some(IssuerKind::MeshCA) => get(&mesh_cas, name, now).await,
        _ => Ok(None),
    };
    match (issuer, cluster_issuer, mesh_ca) {
        (Ok(Some(_)), Ok(Some(_)), _) => bail!(
            "there are an Issuer and a ClusterIssuer {name}; write issuer/{name} or \
             clusterissuer/{name}"
        ),
        (Ok(Some(facts)), ..) | (_, Ok(Some(facts)), _) | (.., Ok(Some(facts))) => Ok(facts),
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => bail!("{}", describe(&error)),
        (Ok(None), Ok(None), Ok(None)) => bail!(match wanted.kind {
            Some(IssuerKind::Issuer) => format!("there is no Issuer {namespace}/{name}"),
            Some(IssuerKind::MeshCA) => format!("there is no MeshCA {namespace}/{name}"),
            Some(IssuerKind::ClusterIssuer) => format!("there is no ClusterIssuer {name}"),
            None => format!(
                "there is no ClusterIssuer {name}, and no Issuer {namespace}/{name}; set \
                 --namespace to look in another one"
            ),
        }),
    }
}

async fn get<K: IssuerResource>(
    api: &Api<WithoutTimes<K>>,
    name: &str,
    now: Timestamp,
) -> Result<Option<Facts>, kube::Error> {
    let found = api.get_opt(name).await?;
    Ok(found.map(|WithoutTimes(object)| Facts {
        now,
        name: IssuerName::of(&object),
        generation: object.meta().generation,
        trust_domain: trust_domain(&object),
        status: object.issuer_status().cloned().unwrap_or_default(),
        generations: Ok(Listed::default()),
        requests: Vec::new(),
    }))
}

fn trust_domain<K: IssuerResource>(object: &K) -> Option<String> {
    let spec = object.issuer_spec();
    let spiffe = spec.spiffe.as_ref();
    spiffe.map(|spiffe| spiffe.trust_domain.clone())
}

async fn generations(
    client: &Client,
    issuer: &IssuerName,
    namespace: &str,
) -> Result<Listed, kube::Error> {
    let api: Api<DeserializeGuard<CAGeneration>> = Api::namespaced(client.clone(), namespace);
    let mut page = Some(generations_of(issuer));
    let mut generations = Listed::in_namespace(namespace);
    while let Some(params) = page {
        let listed = api.list(&params).await?;
        page = pages::next(params, &listed.metadata);
        listed
            .items
            .into_iter()
            .for_each(|one| generations.add(one));
    }
    Ok(generations)
}
