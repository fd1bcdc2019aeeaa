//! Issuers over keys that are kept elsewhere.

use anyhow::Result;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use signet_api::IssuerKind;

use super::{RemoteKey, Shared};
use crate::csr::Csr;
use crate::verify::Issued;
use crate::{Ask, IssuerRef, TestNamespace};

impl TestNamespace {
    /// Creates an issuer with a self-signed root over a key, with its credential, and waits until
    /// it is ready. A ClusterIssuer's name is made unique.
    ///
    /// # Errors
    /// It is refused, or does not get ready.
    pub async fn issuer_over(
        &self,
        kind: IssuerKind,
        name: &str,
        key: &dyn RemoteKey,
    ) -> Result<IssuerRef> {
        let issuer = self.create_issuer_over(kind, name, key).await?;
        self.wait_until_ready(&issuer).await?;
        Ok(issuer)
    }

    /// Creates an issuer with a self-signed root over a key, with its credential.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn create_issuer_over(
        &self,
        kind: IssuerKind,
        name: &str,
        key: &dyn RemoteKey,
    ) -> Result<IssuerRef> {
        let issuer = self.issuer_ref(kind, name);
        self.put_credential(&issuer, key).await?;
        let spec = self.spec_over(&issuer, key, json!({ "selfSigned": {} }));
        Ok(self.create_issuer(kind, name, spec).await?)
    }

    /// The spec of an issuer over a key whose credential is where
    /// [`put_credential`](Self::put_credential) puts it.
    pub fn spec_over(&self, issuer: &IssuerRef, key: &dyn RemoteKey, certificate: Value) -> Value {
        json!({ "key": key.config(&credential_of(issuer)), "certificate": certificate })
    }

    /// Puts the present credential of a key where an issuer looks for it.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn put_credential(&self, issuer: &IssuerRef, key: &dyn RemoteKey) -> Result<()> {
        let data = json!(key.credential());
        match key.operator_secret() {
            Some(name) => self.put_cluster_secret(&name, data).await,
            None => self.put_secret(issuer, data).await,
        }
    }

    /// Puts any data into a Secret of the cluster resource namespace.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn put_cluster_secret(&self, name: &str, data: Value) -> Result<()> {
        put(&self.cluster_resources(), name, data).await
    }

    /// Puts any data where an issuer looks for its credential.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn put_secret(&self, issuer: &IssuerRef, data: Value) -> Result<()> {
        let secrets: Api<Secret> = match issuer.kind {
            IssuerKind::Issuer | IssuerKind::MeshCA => self.api(),
            IssuerKind::ClusterIssuer => self.cluster_resources(),
        };
        put(&secrets, &credential_of(issuer), data).await
    }

    /// Asks for a certificate, which cert-manager's approver approves, and waits for it.
    ///
    /// # Errors
    /// It is not issued, or something is wrong with it.
    pub async fn obtain(&self, issuer: &IssuerRef) -> Result<Issued> {
        let csr = Csr::for_dns("shop.example")?;
        let request = self.ask(&Ask::new(issuer, &csr)).await?;
        self.issued(&request, &csr).await
    }
}

async fn put(secrets: &Api<Secret>, name: &str, data: Value) -> Result<()> {
    let secret = Patch::Apply(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name },
        "stringData": data,
    }));
    let params = PatchParams::apply("e2e-credentials").force();
    secrets.patch(name, &params, &secret).await?;
    Ok(())
}

/// The Secret with an issuer's credential.
fn credential_of(issuer: &IssuerRef) -> String {
    format!("{}-credential", issuer.name)
}

/// Does something at a backend, on a thread that may block.
///
/// # Errors
/// Those of `work`.
pub async fn at(
    key: &Shared,
    work: impl FnOnce(&dyn RemoteKey) -> Result<()> + Send + 'static,
) -> Result<()> {
    let key = Shared::clone(key);
    crate::runtime::blocking(move || work(&*key)).await
}
