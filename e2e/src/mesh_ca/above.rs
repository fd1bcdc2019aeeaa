//! The issuer above a MeshCA, and its rotation to another root.

use anyhow::{Context, Result};
use serde_json::json;
use signet_api::IssuerKind::ClusterIssuer;
use signet_api::{GenerationRole, GenerationState, IssuerStatus};

use crate::{IssuerRef, TestNamespace, spec};

/// Whether this generation signs.
pub fn signs(status: &IssuerStatus, generation: u32) -> bool {
    let current = status.ca.first();
    current.is_some_and(|ca| ca.generation == generation && ca.state == GenerationState::Active)
}

impl TestNamespace {
    /// A root that issues CA certificates, whose next one signs when a person says so.
    ///
    /// # Errors
    /// It does not get ready.
    pub async fn issuer_above(&self) -> Result<IssuerRef> {
        let mut spec = spec::with_ca_profile(&self.unique("above"), 1);
        spec["rotation"] = json!({ "activation": "Manual" });
        self.issuer(ClusterIssuer, "above", spec).await
    }

    /// Gives the issuer above another root, which does not sign yet, and returns the fingerprint of
    /// the key of the first.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn prepare_another_root(&self, above: &IssuerRef) -> Result<String> {
        let first = self.wait_until_ready(above).await?;
        let key = json!({ "key": { "software": { "secretName": self.unique("above-2") } } });
        self.patch_issuer(above, key).await?;
        let first = first.ca.first().context("it has a root")?;
        Ok(first.key_fingerprint.clone())
    }

    /// Activates the second generation of an issuer or a MeshCA, once it has a certificate.
    ///
    /// # Errors
    /// It does not sign.
    pub async fn activate_second(&self, issuer: &IssuerRef) -> Result<()> {
        let next = |status: &IssuerStatus| {
            let mut listed = status.ca.iter();
            let next = listed.find(|ca| ca.role == Some(GenerationRole::Next))?;
            next.fingerprint.clone()
        };
        let has_next = |status: &IssuerStatus| next(status).is_some();
        let status = self.wait_for_status(issuer, "prepared", has_next).await?;
        let activate = json!({ "rotation": { "activate": next(&status) } });
        self.patch_issuer(issuer, activate).await?;
        self.wait_for_status(issuer, "activated", |status| signs(status, 2))
            .await?;
        Ok(())
    }
}
