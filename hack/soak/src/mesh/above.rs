//! The issuer above the MeshCA, whose root is replaced.

use anyhow::{Context, Result};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use signet_api::{ClusterIssuer, GenerationRole, GenerationState, IssuerStatus};
use signet_testbed::wait::{Observation, until};

use super::objects::Names;

/// A ClusterIssuer with a root of its own.
pub(super) struct Above<'a> {
    pub(super) issuers: Api<ClusterIssuer>,
    pub(super) names: &'a Names,
}

impl Above<'_> {
    /// Gives it another root, which signs as soon as it is prepared. So it is the MeshCA that has to
    /// wait. Returns the fingerprint of the key of the one before.
    pub(super) async fn rotate(&self, number: usize) -> Result<String> {
        let before = self.status().await?;
        let before = before.ca.first().context("it has a root")?;
        let key = before.key_fingerprint.clone();
        self.patch(json!({ "key": self.names.key(number) })).await?;
        let next = |status: &IssuerStatus| {
            let mut listed = status.ca.iter();
            let next = listed.find(|ca| ca.role == Some(GenerationRole::Next))?;
            next.fingerprint.clone()
        };
        let what = "another root of the issuer above";
        let fingerprint = self.until(what, next).await?;
        self.patch(json!({ "rotation": { "activate": fingerprint } }))
            .await?;
        self.until("the other root to sign", |status| {
            let first = status.ca.first()?;
            let signs = first.state == GenerationState::Active && first.key_fingerprint != key;
            signs.then_some(())
        })
        .await?;
        Ok(key)
    }

    /// Withdraws the trust in what a key has signed.
    pub(super) async fn revoke(&self, key: &str) -> Result<()> {
        self.patch(json!({ "rotation": { "revoked": [key] } }))
            .await
    }

    async fn patch(&self, spec: Value) -> Result<()> {
        let patch = Patch::Merge(json!({ "spec": spec }));
        let (name, params) = (&self.names.above, PatchParams::default());
        let patched = self.issuers.patch(name, &params, &patch).await;
        patched
            .context("the issuer above cannot be changed")
            .map(drop)
    }

    async fn status(&self) -> Result<IssuerStatus> {
        let found = self.issuers.get(&self.names.above).await?;
        Ok(found.status.unwrap_or_default())
    }

    async fn until<T>(
        &self,
        what: &str,
        reached: impl Fn(&IssuerStatus) -> Option<T>,
    ) -> Result<T> {
        let observe = async || {
            let status = self.status().await?;
            Ok(match reached(&status) {
                Some(reached) => Observation::Reached(reached),
                None => Observation::Progress(format!("{:?}", status.ca)),
            })
        };
        until(what, observe).await
    }
}
