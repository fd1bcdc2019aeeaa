//! What deleted issuers leave behind: generations, which stay, and bundles, which stay until the last
//! certificate under them has expired. A ClusterTrustBundle may be all that is left: the namespace of
//! an Issuer is deleted with its generations.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Resource;
use kube::api::ListParams;
use kube::core::ObjectMeta;
use signet_api::{CAGeneration, IssuerKind};
use signet_core::ca::CaCertificate;
use signet_core::ca::lifecycle::all_expired_at;

use super::Error;
use super::generation::issuer_in_name;
use super::store::generations;
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::without_times::list_metadata;
use crate::{pages, publish};

/// The number of generations in one response.
const PAGE: u32 = 500;
/// The sweeps per resync of an issuer: they list the generations of all.
const RESYNCS: u32 = 10;

/// The number of generations of each issuer that does not exist.
type Orphans = BTreeMap<IssuerName, usize>;

/// Sweeps until the operator stops. The issuers have been listed.
pub async fn sweep_repeatedly(context: Arc<Context>) {
    let interval = context.settings.issuer_resync_interval * RESYNCS;
    let sweeps = async {
        loop {
            if let Err(error) = sweep(&context).await {
                tracing::warn!(%error, "cannot look for CA generations without an issuer");
            }
            tokio::time::sleep(interval.max(Duration::from_secs(1))).await;
        }
    };
    let stop = &context.stop;
    stop.run_until_cancelled(sweeps).await;
}

async fn sweep(context: &Context) -> Result<(), Error> {
    let now = (context.now)();
    let mut orphans = find(context).await?;
    let of_cluster = context.trust_bundles.issuers().into_iter();
    for name in of_cluster.filter(|name| is_orphan(name, context)) {
        orphans.entry(name).or_default();
    }
    let since = |name: &IssuerName| context.memory.gone_since(name).unwrap_or(now);
    // One may have been created again meanwhile.
    let gone = orphans.keys().filter(|name| !context.is_known(name));
    let gone: BTreeMap<_, _> = gone.map(|name| (name.clone(), since(name))).collect();
    context.memory.store_gone(gone.clone());
    let mut bundles = 0;
    for (name, since) in gone {
        bundles += sweep_bundle(&name, since, context).await?;
    }
    context.metrics.orphans(orphans.values().sum(), bundles);
    Ok(())
}

/// Deletes the bundle if no certificate under it can be valid. Returns the number of objects left.
async fn sweep_bundle(
    name: &IssuerName,
    since: Timestamp,
    context: &Context,
) -> Result<usize, Error> {
    let observed = publish::observe(name, None, context).await;
    let count = observed.count();
    if count == 0 {
        return Ok(0);
    }
    let namespace = context.resource_namespace(name);
    let generations = generations(name, namespace, context).await?;
    let is_over = match generations.facts.as_slice() {
        [] => is_over_without_generations(name, &observed, since, context),
        facts => all_expired_at(facts, since).is_none_or(|end| end <= (context.now)()),
    };
    if !is_over || !generations.unreadable.is_empty() || context.is_known(name) {
        return Ok(count);
    }
    tracing::info!(issuer = %name, "deleting the trust bundle of an issuer that no longer exists");
    publish::remove(name, &observed, context).await;
    Ok(publish::observe(name, None, context).await.count())
}

/// Without generations, the last certificate under the bundle is not known. Those of an Issuer are for
/// its namespace, which was deleted with it; others may be valid until the roots have expired.
fn is_over_without_generations(
    name: &IssuerName,
    observed: &publish::Observed,
    since: Timestamp,
    context: &Context,
) -> bool {
    let now = (context.now)();
    match name.kind {
        // A restore may create the namespace again.
        IssuerKind::Issuer | IssuerKind::MeshCA => since + context.settings.ca_loss_delay <= now,
        IssuerKind::ClusterIssuer => {
            let roots = observed.in_object(name.kind).unwrap_or_default();
            let roots = CaCertificate::all_from_pem(roots.as_bytes()).unwrap_or_default();
            let ends = roots.iter().map(CaCertificate::not_after);
            ends.max().is_some_and(|end| end <= now)
        }
    }
}

/// Whether an issuer would be watched, and does not exist.
fn is_orphan(issuer: &IssuerName, context: &Context) -> bool {
    let is_watched = match issuer.kind {
        IssuerKind::ClusterIssuer => true,
        IssuerKind::Issuer | IssuerKind::MeshCA => context.settings.namespaced_issuers,
    };
    is_watched && !context.is_known(issuer)
}

/// Lists the generations of all issuers, only by their names.
async fn find(context: &Context) -> Result<Orphans, kube::Error> {
    let own = &context.settings.cluster_resource_namespace;
    let namespace = (!context.settings.namespaced_issuers).then_some(own.as_str());
    let mut page = Some(ListParams::default().limit(PAGE));
    let mut found = Orphans::new();
    while let Some(params) = page {
        let listed = list_metadata::<CAGeneration>(&context.client, namespace, &params).await?;
        let metas = listed.items.iter().map(Resource::meta);
        for issuer in metas.filter_map(|meta| issuer_of(meta, own)) {
            if is_orphan(&issuer, context) {
                *found.entry(issuer).or_default() += 1;
            }
        }
        page = pages::next(params, &listed.metadata);
    }
    Ok(found)
}

/// Returns the issuer of a generation, by its name and namespace.
fn issuer_of(meta: &ObjectMeta, cluster_resources: &str) -> Option<IssuerName> {
    let namespace = meta.namespace.as_deref()?;
    let (kind, name) = issuer_in_name(meta.name.as_deref()?)?;
    match kind {
        IssuerKind::Issuer | IssuerKind::MeshCA => Some(IssuerName {
            kind,
            namespace: namespace.to_owned(),
            name,
        }),
        IssuerKind::ClusterIssuer => (namespace == cluster_resources).then_some(IssuerName {
            kind,
            namespace: String::new(),
            name,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_issuer_of_a_generation_by_its_name() {
        let issuer = |namespace: &str, name: &str| {
            let meta = ObjectMeta {
                namespace: Some(namespace.to_owned()),
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            };
            issuer_of(&meta, "signet-system").map(|found| found.to_string())
        };
        let shown = |kind, namespace: &str, name: &str| {
            let name = IssuerName {
                kind,
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            };
            Some(name.to_string())
        };
        assert_eq!(
            issuer("shop", "issuer-my-ca-2"),
            shown(IssuerKind::Issuer, "shop", "my-ca")
        );
        assert_eq!(
            issuer("istio-system", "meshca-istio-3"),
            shown(IssuerKind::MeshCA, "istio-system", "istio")
        );
        assert_eq!(
            issuer("signet-system", "clusterissuer-corp-12"),
            shown(IssuerKind::ClusterIssuer, "", "corp")
        );
        for (namespace, name) in [
            ("shop", "clusterissuer-corp-1"),
            ("shop", "issuer-ca"),
            ("shop", "other-ca-1"),
            ("shop", "issuer--1"),
        ] {
            assert_eq!(issuer(namespace, name), None, "{namespace}/{name}");
        }
    }
}
