//! MeshCAs, and what is in the namespace of their mesh.

mod above;
mod files;
mod history;
mod stand_in;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::{Value, json};
use signet_api::conditions::{MESH_UPDATED, find};
use signet_api::external::certificate_request::CertificateRequest;
use signet_api::{IssuerKind, IssuerStatus, MeshCA};
use signet_testbed::installation::{NAMESPACE, SERVICE_ACCOUNT};

use crate::parents::ACCOUNT;
use crate::{IssuerRef, TestNamespace};

pub use above::signs;
pub use files::{CERTIFICATE, Files, KEY, ROOTS};
pub use history::{History, Step};
pub use stand_in::IstiodStandIn;

/// The name of a test's MeshCA.
pub const NAME: &str = "mesh";
/// The Secret with its keys.
pub const KEYS: &str = "mesh-signet-keys";
/// The Secret that istiod reads.
pub const CACERTS: &str = "cacerts";
/// The condition of a mesh that has loaded everything.
pub const UPDATED: (&str, &str) = ("True", "UpToDate");

const RBAC: &str = "rbac.authorization.k8s.io";
const ROLE: &str = "signet-mesh";
/// Between two looks for a request to approve.
const PAUSE: Duration = Duration::from_millis(200);

/// The entries of a Secret by name.
pub type Entries = BTreeMap<String, String>;

/// What the owner of a namespace lets Signet write there, as the pages of the meshes print it.
#[derive(Clone, Copy, Debug)]
pub struct Rights<'a> {
    /// The Secrets that it may change, the one with the keys among them.
    pub secrets: &'a [&'a str],
    /// The ConfigMaps that it may change.
    pub config_maps: &'a [&'a str],
    /// Whether it may create Secrets and ConfigMaps.
    pub create: bool,
}

impl Rights<'_> {
    /// Those of a MeshCA for Istio.
    pub const ISTIO: Self = Rights {
        secrets: &[CACERTS, KEYS],
        config_maps: &[],
        create: true,
    };

    fn rules(self) -> Vec<Value> {
        let patch = |resource: &str, names: &[&str]| {
            json!({
                "apiGroups": [""], "resources": [resource], "resourceNames": names,
                "verbs": ["patch"],
            })
        };
        let mut rules = vec![patch("secrets", self.secrets)];
        if !self.config_maps.is_empty() {
            rules.push(patch("configmaps", self.config_maps));
        }
        if self.create {
            rules.push(json!({
                "apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["create"],
            }));
        }
        rules
    }
}

/// The spec of a MeshCA below an issuer of Signet, with a delay of a few seconds. Its certificates
/// last so long that none is renewed by the clock.
pub fn below(above: &IssuerRef, mesh: Value) -> Value {
    let mut issuer_ref = above.reference();
    issuer_ref["serviceAccountRef"] = json!({ "name": ACCOUNT });
    issuer_ref["duration"] = json!("48h");
    json!({
        "mesh": mesh,
        "certificate": { "issuerRef": issuer_ref },
        "maxLeafLifetime": "5s",
        "propagation": "3s",
    })
}

/// The entries of a Secret.
pub fn entries(secret: &Secret) -> Entries {
    let data = secret.data.iter().flatten();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    data.map(|(name, value)| (name.clone(), text(&value.0)))
        .collect()
}

impl TestNamespace {
    /// Makes what the owner of a mesh's namespace makes: the ServiceAccount of the requests, and
    /// the Roles of Signet.
    ///
    /// # Errors
    /// The API server does not take them.
    pub async fn prepare_mesh(&self, rights: Rights<'_>) -> Result<()> {
        self.ca_requester().await?;
        self.lets_signet_write(ROLE, rights).await
    }

    /// Lets Signet write objects here, with a Role of this name.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn lets_signet_write(&self, role: &str, rights: Rights<'_>) -> Result<()> {
        self.create_object(json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "Role",
            "metadata": { "name": role }, "rules": rights.rules(),
        }))
        .await?;
        self.create_object(json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding",
            "metadata": { "name": role },
            "roleRef": { "apiGroup": RBAC, "kind": "Role", "name": role },
            "subjects": [{
                "kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": NAMESPACE,
            }],
        }))
        .await?;
        Ok(())
    }

    /// Creates the MeshCA of this test.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn create_mesh_ca(&self, spec: Value) -> Result<IssuerRef, kube::Error> {
        self.create_issuer(IssuerKind::MeshCA, NAME, spec).await
    }

    /// Waits until the condition `MeshUpdated` has a status and a reason, and returns its message.
    ///
    /// # Errors
    /// It does not come to that.
    pub async fn wait_for_mesh(
        &self,
        mesh_ca: &IssuerRef,
        expected: (&str, &str),
    ) -> Result<String> {
        self.wait_for_mesh_message(mesh_ca, expected, "").await
    }

    /// The same with a message that has this part.
    ///
    /// # Errors
    /// It does not come to that.
    pub async fn wait_for_mesh_message(
        &self,
        mesh_ca: &IssuerRef,
        expected: (&str, &str),
        part: &str,
    ) -> Result<String> {
        let updated = |status: &IssuerStatus| find(&status.conditions, MESH_UPDATED).cloned();
        let holds = |status: &IssuerStatus| {
            updated(status).is_some_and(|it| {
                (&*it.status, &*it.reason) == expected && it.message.contains(part)
            })
        };
        let what = format!("{} {part}", expected.1);
        let status = self.wait_for_status(mesh_ca, &what, holds).await?;
        Ok(updated(&status).map(|it| it.message).unwrap_or_default())
    }

    /// Waits until the mesh has loaded so many roots.
    ///
    /// # Errors
    /// It does not.
    pub async fn wait_for_loaded_roots(&self, mesh_ca: &IssuerRef, count: usize) -> Result<()> {
        let holds = |found: &MeshCA| {
            let mesh = found.status.as_ref().and_then(|it| it.mesh.as_ref());
            mesh.is_some_and(|mesh| mesh.loaded_roots.len() == count)
        };
        let (api, what) = (self.api(), format!("with {count} roots loaded"));
        self.bed().wait(&api, &mesh_ca.name, &what, holds).await?;
        Ok(())
    }

    /// The entries of a Secret of this namespace.
    ///
    /// # Errors
    /// There is no such Secret.
    pub async fn entries(&self, secret: &str) -> Result<Entries> {
        Ok(entries(&self.secret(secret).await?))
    }

    /// Waits until the entries of a Secret are as `holds` wants them.
    ///
    /// # Errors
    /// They do not become so.
    pub async fn wait_for_entries(
        &self,
        secret: &str,
        what: &str,
        holds: impl Fn(&Entries) -> bool,
    ) -> Result<Entries> {
        let holds = |found: &Secret| holds(&entries(found));
        let found = self.bed().wait(&self.api(), secret, what, holds).await?;
        Ok(entries(&found))
    }

    /// Approves what a MeshCA requests for as long as this takes. It may request nothing.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn approving<T>(
        &self,
        mesh_ca: &IssuerRef,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        tokio::select! {
            done = work => done,
            ended = self.approve_all(mesh_ca) => ended.map(|never| match never {}),
        }
    }

    async fn approve_all(&self, mesh_ca: &IssuerRef) -> Result<Infallible> {
        let prefix = format!("meshca-{}-", mesh_ca.name);
        let requests = self.api::<CertificateRequest>();
        let mut approved = BTreeSet::new();
        loop {
            for request in requests.list(&ListParams::default()).await? {
                let (name, uid) = (request.name_any(), request.uid());
                if !name.starts_with(&prefix) || !approved.insert(uid) {
                    continue;
                }
                let done = self.approve_in(self.name(), &name).await;
                // Signet deletes those that it no longer needs.
                if requests.get_opt(&name).await?.is_some() {
                    done?;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
