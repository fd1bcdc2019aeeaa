//! Signet's issuers.

use anyhow::Result;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Resource};
use serde_json::{Value, json};
use signet_api::conditions::{READY, find};
use signet_api::{ClusterIssuer, GROUP, Issuer, IssuerKind, IssuerResource, IssuerStatus, MeshCA};

use crate::TestNamespace;

/// An issuer as requests name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerRef {
    pub kind: IssuerKind,
    /// Empty for a ClusterIssuer.
    pub namespace: String,
    pub name: String,
}

impl IssuerRef {
    /// As `spec.issuerRef` of cert-manager's objects.
    pub fn reference(&self) -> Value {
        json!({ "group": GROUP, "kind": self.kind.as_str(), "name": self.name })
    }

    /// As `spec.signerName` of a CertificateSigningRequest.
    pub fn signer_name(&self) -> String {
        let plural = self.kind.plural();
        match self.kind.is_namespaced() {
            true => format!("{plural}.{GROUP}/{}.{}", self.namespace, self.name),
            false => format!("{plural}.{GROUP}/{}", self.name),
        }
    }
}

/// Specs as a user writes them.
pub mod spec {
    use serde_json::{Value, json};

    /// A key that Signet makes, and a root over it.
    pub fn self_signed(secret: &str) -> Value {
        json!({
            "key": { "software": { "secretName": secret } },
            "certificate": { "selfSigned": {} },
        })
    }

    /// A key and its chain in a `kubernetes.io/tls` Secret.
    pub fn existing(secret: &str) -> Value {
        json!({
            "key": { "software": { "secretName": secret } },
            "certificate": { "existing": {} },
        })
    }

    /// A root of its own for a trust domain.
    pub fn spiffe(secret: &str, trust_domain: &str) -> Value {
        let mut spec = self_signed(secret);
        spec["spiffe"] = json!({ "trustDomain": trust_domain });
        spec
    }

    /// A root of its own that issues CA certificates too.
    pub fn with_ca_profile(secret: &str, path_length: u8) -> Value {
        let mut spec = self_signed(secret);
        spec["profile"] = json!({ "ca": { "pathLength": path_length } });
        spec
    }
}

impl TestNamespace {
    /// Creates an issuer and waits until it is ready.
    ///
    /// # Errors
    /// It is refused, or does not get ready.
    pub async fn issuer(&self, kind: IssuerKind, name: &str, spec: Value) -> Result<IssuerRef> {
        let issuer = self.create_issuer(kind, name, spec).await?;
        self.wait_until_ready(&issuer).await?;
        Ok(issuer)
    }

    /// A namespaced issuer with a P-256 root of its own, which is ready.
    ///
    /// # Errors
    /// It does not get ready.
    pub async fn root(&self) -> Result<IssuerRef> {
        let spec = spec::self_signed(&self.unique("root"));
        self.issuer(IssuerKind::Issuer, "root", spec).await
    }

    /// An issuer as it is called whether or not it exists. A ClusterIssuer's name is made unique.
    pub fn issuer_ref(&self, kind: IssuerKind, name: &str) -> IssuerRef {
        let (namespace, name) = match kind.is_namespaced() {
            true => (self.name().to_owned(), name.to_owned()),
            false => (String::new(), self.unique(name)),
        };
        IssuerRef {
            kind,
            namespace,
            name,
        }
    }

    /// The trust domain of an issuer, if it has one.
    ///
    /// # Errors
    /// The issuer does not exist.
    pub async fn trust_domain(&self, issuer: &IssuerRef) -> Result<Option<String>> {
        let name = &issuer.name;
        let spiffe = match issuer.kind {
            IssuerKind::Issuer => {
                let api: Api<Issuer> = Api::namespaced(self.bed().client(), &issuer.namespace);
                api.get(name).await?.spec.spiffe
            }
            IssuerKind::ClusterIssuer => {
                let api: Api<ClusterIssuer> = Api::all(self.bed().client());
                api.get(name).await?.spec.0.spiffe
            }
            IssuerKind::MeshCA => None,
        };
        Ok(spiffe.map(|spiffe| spiffe.trust_domain))
    }

    /// Creates an issuer.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn create_issuer(
        &self,
        kind: IssuerKind,
        name: &str,
        spec: Value,
    ) -> Result<IssuerRef, kube::Error> {
        let issuer = self.issuer_ref(kind, name);
        self.create_object(json!({
            "apiVersion": format!("{GROUP}/v1alpha1"), "kind": kind.as_str(),
            "metadata": { "name": issuer.name }, "spec": spec,
        }))
        .await?;
        Ok(issuer)
    }

    /// Changes an issuer's spec by a merge patch.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn patch_issuer(&self, issuer: &IssuerRef, spec: Value) -> Result<(), kube::Error> {
        let patch = Patch::Merge(json!({ "spec": spec }));
        let params = PatchParams::default();
        match issuer.kind {
            IssuerKind::Issuer => drop(self.issuers().patch(&issuer.name, &params, &patch).await?),
            IssuerKind::MeshCA => drop(self.mesh_cas().patch(&issuer.name, &params, &patch).await?),
            IssuerKind::ClusterIssuer => {
                drop(
                    self.cluster_issuers()
                        .patch(&issuer.name, &params, &patch)
                        .await?,
                );
            }
        }
        Ok(())
    }

    /// Deletes an issuer.
    ///
    /// # Errors
    /// The API server did not respond.
    pub async fn delete_issuer(&self, issuer: &IssuerRef) -> Result<()> {
        let params = DeleteParams::default();
        match issuer.kind {
            IssuerKind::Issuer => drop(self.issuers().delete(&issuer.name, &params).await?),
            IssuerKind::MeshCA => drop(self.mesh_cas().delete(&issuer.name, &params).await?),
            IssuerKind::ClusterIssuer => {
                drop(self.cluster_issuers().delete(&issuer.name, &params).await?);
            }
        }
        Ok(())
    }

    /// Waits until an issuer is ready in its present form.
    ///
    /// # Errors
    /// It does not get ready.
    pub async fn wait_until_ready(&self, issuer: &IssuerRef) -> Result<IssuerStatus> {
        self.wait_for_issuer(issuer, "ready", |ready| ready.status == "True")
            .await
    }

    /// Waits until an issuer is not ready in its present form, for this reason, and returns the
    /// condition's message.
    ///
    /// # Errors
    /// It does not come to that.
    pub async fn wait_until_not_ready(&self, issuer: &IssuerRef, reason: &str) -> Result<String> {
        let holds = |ready: &Condition| ready.status == "False" && ready.reason == reason;
        let status = self.wait_for_issuer(issuer, reason, holds).await?;
        Ok(ready_condition(&status)
            .map(|ready| ready.message.clone())
            .unwrap_or_default())
    }

    /// Waits for a Ready condition about an issuer's present form.
    ///
    /// # Errors
    /// It does not come to that.
    pub async fn wait_for_issuer(
        &self,
        issuer: &IssuerRef,
        what: &str,
        holds: impl Fn(&Condition) -> bool,
    ) -> Result<IssuerStatus> {
        let holds = |meta: &ObjectMeta, status: &Option<IssuerStatus>| {
            let ready = status.as_ref().and_then(ready_condition);
            ready.is_some_and(|ready| ready.observed_generation == meta.generation && holds(ready))
        };
        self.wait_for_object(issuer, what, holds).await
    }

    /// Waits for a status of an issuer, in whatever form the issuer is.
    ///
    /// # Errors
    /// It does not come to that.
    pub async fn wait_for_status(
        &self,
        issuer: &IssuerRef,
        what: &str,
        holds: impl Fn(&IssuerStatus) -> bool,
    ) -> Result<IssuerStatus> {
        let holds =
            |_: &ObjectMeta, status: &Option<IssuerStatus>| status.as_ref().is_some_and(&holds);
        self.wait_for_object(issuer, what, holds).await
    }

    async fn wait_for_object(
        &self,
        issuer: &IssuerRef,
        what: &str,
        holds: impl Fn(&ObjectMeta, &Option<IssuerStatus>) -> bool,
    ) -> Result<IssuerStatus> {
        let (bed, name) = (self.bed(), issuer.name.as_str());
        let status = match issuer.kind {
            IssuerKind::Issuer => {
                let holds = |found: &Issuer| holds(found.meta(), &found.status);
                bed.wait(&self.issuers(), name, what, holds).await?.status
            }
            IssuerKind::ClusterIssuer => {
                let holds = |found: &ClusterIssuer| holds(found.meta(), &found.status);
                bed.wait(&self.cluster_issuers(), name, what, holds)
                    .await?
                    .status
            }
            IssuerKind::MeshCA => {
                let holds = |found: &MeshCA| holds(found.meta(), &found.issuer_status().cloned());
                let found = bed.wait(&self.mesh_cas(), name, what, holds).await?;
                found.issuer_status().cloned()
            }
        };
        Ok(status.unwrap_or_default())
    }

    fn issuers(&self) -> Api<Issuer> {
        self.api()
    }

    fn mesh_cas(&self) -> Api<MeshCA> {
        self.api()
    }

    fn cluster_issuers(&self) -> Api<ClusterIssuer> {
        Api::all(self.bed().client())
    }
}

/// The Ready condition of an issuer.
pub fn ready_condition(status: &IssuerStatus) -> Option<&Condition> {
    find(&status.conditions, READY)
}
