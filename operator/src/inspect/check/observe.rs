//! Reads what `signet check` judges.

use futures::future;
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use k8s_openapi::api::authorization::v1::ResourceAttributes;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ServiceAccount as Account;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Api, Client, ResourceExt};
use signet_api::{ClusterIssuer, IssuerKind, IssuerResource};
use signet_core::request::ServiceAccount;

use super::facts::{Crd, Fact, Facts, Issuer, Issuers, Requests, Review, State, Wanted};
use super::permissions::wanted;
use super::reviewer::Reviewer;
use crate::api_error::describe;
use crate::args::Check;
use crate::discovery::serves;
use crate::inspect::client::Cluster;
use crate::issuer_name::IssuerName;
use crate::pages;
use crate::requests::backlog;
use crate::run::lease::NAME;
use crate::without_times::WithoutTimes;

/// The number of issuers in one response.
const PAGE: u32 = 100;
/// How many reviews are in flight.
const REVIEWS: usize = 8;
/// The label with the version of an application, which cert-manager's chart sets.
const VERSION: &str = "app.kubernetes.io/version";
/// The signers for which cert-manager's approver is asked for the right to approve (CM-3).
const SIGNERS: [(IssuerKind, &str); 2] = [
    (IssuerKind::ClusterIssuer, "clusterissuers.signet.dev/*"),
    (IssuerKind::Issuer, "issuers.signet.dev/*"),
];

/// Reads the facts. What cannot be read is a fact of its own.
pub(super) async fn facts(settings: &Check, cluster: &Cluster, now: Timestamp) -> Facts {
    let client = &cluster.client;
    // Concurrently, so that an API server that does not respond costs few timeouts.
    let (kubernetes, crds, cert_manager, issuers, lease, reviews, approvals, requests) = tokio::join!(
        client.apiserver_version(),
        crds(client),
        certificate_requests(client, &settings.approver),
        issuers(settings, client),
        lease(client, &settings.leader_election_namespace),
        reviews(cluster, &settings.service_account, wanted(settings)),
        approvals(settings, cluster),
        requests(settings, client),
    );
    let (certificate_requests, cert_manager) = cert_manager;
    Facts {
        now,
        kubernetes: kubernetes.map_or_else(|error| describe(&error), |it| it.git_version),
        user: cluster.user.clone(),
        crds,
        reviews,
        certificate_requests,
        cert_manager,
        approvals,
        lease,
        issuers,
        requests,
    }
}

/// The CRDs of Signet.
async fn crds(client: &Client) -> Vec<Crd> {
    let group = "signet.dev/v1alpha1";
    let crds = [
        crd(client, "cagenerations.signet.dev", group, "cagenerations"),
        crd(client, "clusterissuers.signet.dev", group, "clusterissuers"),
        crd(client, "issuers.signet.dev", group, "issuers"),
        crd(client, "meshcas.signet.dev", group, "meshcas"),
    ];
    future::join_all(crds).await
}

/// The CRD of CertificateRequests, and the version of cert-manager.
async fn certificate_requests(
    client: &Client,
    approver: &ServiceAccount,
) -> (Crd, Fact<Option<String>>) {
    let name = "certificaterequests.cert-manager.io";
    let requests = crd(client, name, "cert-manager.io/v1", "certificaterequests").await;
    let version = cert_manager(client, &requests, approver).await;
    (requests, version)
}

/// What waits in the APIs that are enabled, without those that the cluster does not have.
async fn requests(settings: &Check, client: &Client) -> Vec<Requests> {
    let certificate_requests = async {
        match settings.certificate_requests {
            true => backlog::of_certificate_requests(client).await,
            false => Ok(None),
        }
    };
    let signing_requests = async {
        match settings.certificate_signing_requests {
            true => backlog::of_signing_requests(client).await,
            false => Ok(None),
        }
    };
    let pod_requests = async {
        match settings.pod_certificate_requests {
            true => backlog::of_pod_requests(client).await,
            false => Ok(None),
        }
    };
    let (certificate_requests, signing_requests, pod_requests) =
        tokio::join!(certificate_requests, signing_requests, pod_requests);
    let found = [
        ("CertificateRequests", certificate_requests),
        ("CertificateSigningRequests", signing_requests),
        ("PodCertificateRequests", pod_requests),
    ];
    let found = found.into_iter().filter_map(|(kind, found)| {
        let found = found.transpose()?;
        Some(Requests { kind, found })
    });
    found.collect()
}

async fn issuers(settings: &Check, client: &Client) -> Vec<Issuers> {
    let of_cluster = of_kind::<ClusterIssuer>(client);
    if !settings.namespaced_issuers {
        return vec![of_cluster.await];
    }
    let issuers = of_kind::<signet_api::Issuer>(client);
    let mesh_cas = of_kind::<signet_api::MeshCA>(client);
    let (of_cluster, issuers, mesh_cas) = tokio::join!(of_cluster, issuers, mesh_cas);
    vec![of_cluster, issuers, mesh_cas]
}

fn known<T>(result: Result<T, kube::Error>) -> Fact<T> {
    result.map_err(|error| describe(&error))
}

async fn crd(
    client: &Client,
    name: &'static str,
    group_version: &'static str,
    plural: &str,
) -> Crd {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let served = serves(client, group_version, plural);
    let (definition, is_served) = tokio::join!(definitions.get_opt(name), served);
    Crd {
        name,
        version: group_version.rsplit('/').next().unwrap_or_default(),
        is_served: known(is_served),
        definition: known(definition).map(|found| found.map(Box::new)),
    }
}

async fn lease(client: &Client, namespace: &str) -> Fact<Option<Lease>> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
    known(leases.get_opt(NAME).await)
}

/// The version is a label of the CRDs, if they came with the chart, and of the ServiceAccount.
async fn cert_manager(
    client: &Client,
    requests: &Crd,
    account: &ServiceAccount,
) -> Fact<Option<String>> {
    let definition = requests.definition.as_ref().ok().and_then(Option::as_ref);
    let label = definition.and_then(|it| it.labels().get(VERSION));
    if let Some(version) = label {
        return Ok(Some(version.clone()));
    }
    let accounts: Api<Account> = Api::namespaced(client.clone(), &account.namespace);
    let account = known(accounts.get_metadata_opt(&account.name).await)?;
    Ok(account.and_then(|account| account.labels().get(VERSION).cloned()))
}

/// Asks the API server what a ServiceAccount may do.
async fn reviews(
    cluster: &Cluster,
    account: &ServiceAccount,
    wanted: Vec<Wanted>,
) -> Fact<Vec<Review>> {
    let reviewer = known(Reviewer::of(cluster, account).await)?;
    let review = |wanted: Wanted| {
        let reviewer = &reviewer;
        async move {
            let is_allowed = reviewer.review(attributes(&wanted)).await?;
            Ok(Review { wanted, is_allowed })
        }
    };
    let reviews = stream::iter(wanted).map(review).buffered(REVIEWS);
    known(reviews.try_collect().await)
}

fn attributes(wanted: &Wanted) -> ResourceAttributes {
    let permission = &wanted.permission;
    let (resource, subresource) = match permission.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (permission.resource, None),
    };
    ResourceAttributes {
        group: Some(permission.group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource,
        verb: Some(permission.verb.to_owned()),
        name: wanted.name.map(str::to_owned),
        namespace: wanted.namespace.clone(),
        ..ResourceAttributes::default()
    }
}

async fn approvals(settings: &Check, cluster: &Cluster) -> Fact<Vec<(&'static str, bool)>> {
    let reviewer = known(Reviewer::of(cluster, &settings.approver).await)?;
    let mut approvals = Vec::new();
    for (kind, signers) in SIGNERS {
        if kind == IssuerKind::Issuer && !settings.namespaced_issuers {
            continue;
        }
        let attributes = ResourceAttributes {
            group: Some("cert-manager.io".to_owned()),
            resource: Some("signers".to_owned()),
            verb: Some("approve".to_owned()),
            name: Some(signers.to_owned()),
            ..ResourceAttributes::default()
        };
        approvals.push((signers, known(reviewer.review(attributes).await)?));
    }
    Ok(approvals)
}

async fn of_kind<K: IssuerResource>(client: &Client) -> Issuers {
    Issuers {
        kind: K::KIND,
        found: known(list::<K>(client).await),
    }
}

async fn list<K: IssuerResource>(client: &Client) -> Result<Vec<Issuer>, kube::Error> {
    let api: Api<WithoutTimes<DeserializeGuard<K>>> = Api::all(client.clone());
    let mut page = Some(ListParams::default().limit(PAGE));
    let mut issuers = Vec::new();
    while let Some(params) = page {
        let listed = api.list(&params).await?;
        issuers.extend(
            listed
                .items
                .into_iter()
                .map(|WithoutTimes(object)| issuer(object)),
        );
        page = pages::next(params, &listed.metadata);
    }
    Ok(issuers)
}

fn issuer<K: IssuerResource>(guarded: DeserializeGuard<K>) -> Issuer {
    match guarded.0 {
        Ok(object) => Issuer {
            name: IssuerName::of(&object),
            state: Ok(State {
                generation: object.meta().generation,
                key: object.issuer_spec().key.backend().reference(),
                status: object.issuer_status().cloned(),
            }),
        },
        Err(error) => Issuer {
            name: IssuerName {
                kind: K::KIND,
                namespace: error.metadata.namespace.unwrap_or_default(),
                name: error.metadata.name.unwrap_or_default(),
            },
            state: Err(error.error),
        },
    }
}
