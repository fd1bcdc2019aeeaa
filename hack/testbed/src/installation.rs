//! Signet from this checkout, on a cluster: its CRDs and its chart are applied with no replicas,
//! and the operator runs as a process beside it, under the chart's ServiceAccount.
//!
//! The cluster is the project's own control plane, or one that a user has. Either way the
//! operator has the rights that the chart gives it and no others.

mod build;
mod objects;
mod operator;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client};
use serde::{Deserialize, Serialize};

use crate::controlplane::{Applied, Cluster, apply_recorded, delete_manifests, kubeconfig};

pub use build::{Profile, cargo, checkout, operator_binary, target};
pub use objects::render;
pub use operator::{Operator, OperatorOptions};

/// The namespace that Signet is installed in.
pub const NAMESPACE: &str = "signet-system";
/// The ServiceAccount that the chart makes under the release name `signet`.
pub const SERVICE_ACCOUNT: &str = "signet";

/// Signet's objects on a cluster, and whatever else was applied there for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Installation {
    cluster: Cluster,
    applied: Vec<Applied>,
    complete: bool,
}

/// An object that others will make.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Its apiVersion and kind.
    pub kind: (&'a str, &'a str),
    /// None for an object of the whole cluster.
    pub namespace: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
}

/// Records every change before and after it is made, so that it can be undone after any end.
pub type Record<'a> = &'a mut (dyn FnMut(&Installation) -> Result<()> + Send);

impl Installation {
    /// Applies the CRDs and the chart, with no replicas.
    ///
    /// # Errors
    /// As [`complete`](Self::complete). What was applied by then is deleted.
    pub async fn apply(cluster: Cluster) -> Result<Self> {
        let mut installation = Self::begin(cluster);
        match installation.complete(&mut |_| Ok(())).await {
            Ok(()) => Ok(installation),
            Err(error) => {
                let undone = installation.delete().await;
                undone.with_context(|| format!("{error:#}; cannot undo it"))?;
                Err(error)
            }
        }
    }

    /// One of which nothing is applied yet.
    pub fn begin(cluster: Cluster) -> Self {
        Self {
            cluster,
            applied: Vec::new(),
            complete: false,
        }
    }

    /// Applies the CRDs and the chart, with no replicas; what is missing, if some are there.
    ///
    /// # Errors
    /// cert-manager is not there, or a Signet that is not ours is, or the API server refuses an
    /// object. What was applied by then stays; [`delete`](Self::delete) removes it.
    pub async fn complete(&mut self, record: Record<'_>) -> Result<()> {
        let client = self.cluster.client().await?;
        self.refuse_others(&client).await?;
        let chart = objects::chart(&self.cluster)?;
        self.apply_more(&objects::namespace(), record).await?;
        self.apply_more(&objects::crds()?, record).await?;
        self.apply_more(&chart, record).await?;
        // The operator makes it.
        let lease = Expected {
            kind: ("coordination.k8s.io/v1", "Lease"),
            namespace: Some(NAMESPACE),
            name: "signet",
        };
        self.will_have(&[lease], record).await?;
        self.complete = true;
        record(self)
    }

    /// Whether all of it is there.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Applies further objects, which go with the rest. Those that name no namespace go where
    /// Signet is.
    ///
    /// # Errors
    /// The API server refuses an object; those before it stay.
    pub async fn apply_more(&mut self, yaml: &str, record: Record<'_>) -> Result<()> {
        let client = self.cluster.client().await?;
        apply_recorded(&client, NAMESPACE, yaml, &mut |object| {
            self.note(object);
            record(self)
        })
        .await
    }

    /// Notes objects that others will make because of what is applied. They go with the rest. If
    /// one is there already, and not by us, nothing is noted, and it is returned.
    ///
    /// # Errors
    /// The API server does not report whether they exist.
    pub async fn will_have(
        &mut self,
        objects: &[Expected<'_>],
        record: Record<'_>,
    ) -> Result<Option<Applied>> {
        let client = self.cluster.client().await?;
        let mut to_come = Vec::new();
        for Expected {
            kind,
            namespace,
            name,
        } in objects
        {
            let object = Applied::to_come(&client, *kind, *namespace, name).await?;
            if self.made(&object) {
                continue;
            }
            if !object.created {
                return Ok(Some(object));
            }
            to_come.push(object);
        }
        to_come.into_iter().for_each(|object| self.note(object));
        record(self)?;
        Ok(None)
    }

    /// Notes which objects those are that others have made by now: another that gets the name of
    /// one later is not ours.
    ///
    /// # Errors
    /// The API server cannot be reached.
    pub async fn identify(&mut self, record: Record<'_>) -> Result<()> {
        let client = self.cluster.client().await?;
        for object in &mut self.applied {
            object.identify(&client).await?;
        }
        record(self)
    }

    /// Writes a kubeconfig of the operator's ServiceAccount into `folder`.
    pub async fn operator_kubeconfig(&self, folder: &Path) -> Result<PathBuf> {
        let admin = self.cluster.kubeconfig();
        kubeconfig::for_service_account(admin, NAMESPACE, SERVICE_ACCOUNT, folder).await
    }

    /// Deletes what was created, and waits until it is gone; what had been there before stays.
    pub async fn delete(&self) -> Result<()> {
        delete_manifests(&self.cluster.client().await?, &self.applied).await
    }

    /// Whether it was created by us.
    pub fn made(&self, object: &Applied) -> bool {
        let mut ours = self.applied.iter().filter(|it| it.created);
        ours.any(|it| it.is_same(object))
    }

    /// What was created by us stays so when it is applied again, if it is still the same object.
    fn note(&mut self, object: Applied) {
        match self.applied.iter_mut().find(|it| it.is_same(&object)) {
            Some(known) => {
                let still_ours = known.created
                    && (known.uid.is_none() || object.uid.is_none() || known.uid == object.uid);
                let new = object.created || object.uid.is_some();
                known.created = object.created || still_ours;
                if new {
                    known.uid = object.uid;
                }
            }
            None => self.applied.push(object),
        }
    }

    async fn refuse_others(&self, client: &Client) -> Result<()> {
        let definition = "certificaterequests.cert-manager.io";
        let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
        ensure!(
            definitions.get_opt(definition).await?.is_some(),
            "the cluster has no CRD {definition}; install cert-manager first"
        );
        let kind = ("apps/v1", "Deployment");
        let deployment = Applied::to_come(client, kind, Some(NAMESPACE), "signet").await?;
        ensure!(
            deployment.created || self.made(&deployment),
            "the cluster has a Deployment {NAMESPACE}/signet from another source; \
             uninstall that Signet first, because two would compete for every request"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_created_stays_ours_while_it_is_the_same_object() {
        let cluster = serde_json::json!({
            "kubeconfig": "k", "kubectl": "k", "helm": "h", "home": "h",
        });
        let cluster: Cluster = serde_json::from_value(cluster).unwrap();
        let object = |created, uid: Option<&str>| Applied {
            api_version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            namespace: Some("n".to_owned()),
            name: "a".to_owned(),
            created,
            uid: uid.map(str::to_owned),
        };
        let (one, two) = (Some("1"), Some("2"));
        for (notes, ours, uid) in [
            // Created; killed before the API server responded.
            (&[(true, None)][..], true, None),
            // There before.
            (&[(false, None), (false, one)], false, one),
            // Created, and applied once more.
            (&[(true, one), (false, None)], true, one),
            (&[(true, one), (false, one)], true, one),
            // Created; others have deleted and recreated it.
            (&[(true, one), (false, two)], false, two),
            // Created; deleted, and about to be created again.
            (&[(true, one), (true, None)], true, None),
            // There before; gone, and created by us.
            (&[(false, one), (true, two)], true, two),
        ] {
            let mut installation = Installation::begin(cluster.clone());
            for (created, uid) in notes {
                installation.note(object(*created, *uid));
            }
            assert_eq!(installation.applied.len(), 1);
            assert_eq!(installation.made(&object(true, None)), ours, "{notes:?}");
            assert_eq!(installation.applied[0].uid.as_deref(), uid, "{notes:?}");
        }
    }
}
