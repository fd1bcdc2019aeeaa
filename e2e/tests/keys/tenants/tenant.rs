//! A tenant, and what it can see.

use anyhow::{Context, Result};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Patch, PatchParams};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Resource};
use serde_json::{Value, json};
use signet_api::IssuerKind::{self, ClusterIssuer};
use signet_api::{GROUP, Issuer};
use signet_e2e::{Bed, IssuerRef, Rule, TestNamespace, User, ready_condition};

/// All that a tenant may do.
const ISSUERS: Rule = Rule {
    group: GROUP,
    resource: "issuers",
    verbs: &[
        "create", "get", "list", "watch", "update", "patch", "delete",
    ],
    names: &[],
};

/// A user who may create Issuers in one namespace. `Deref` returns the namespace with its
/// administrator's rights.
#[derive(Debug)]
pub(super) struct Tenant {
    namespace: TestNamespace,
    user: User,
}

impl Tenant {
    pub(super) async fn new(bed: &'static Bed, name: &str) -> Result<Self> {
        let namespace = TestNamespace::create(bed, name).await?;
        let user = namespace.service_account("tenant", &[ISSUERS]).await?;
        Ok(Self { namespace, user })
    }

    /// Creates an Issuer with this key and a root over it.
    pub(super) async fn has(&self, name: &str, key: Value) -> Result<IssuerRef> {
        let spec = json!({ "key": key, "certificate": { "selfSigned": {} } });
        self.has_spec(name, spec).await
    }

    /// Creates an Issuer.
    pub(super) async fn has_spec(&self, name: &str, spec: Value) -> Result<IssuerRef> {
        let object = issuer(name, &spec);
        let client = self.user.client();
        self.create_object_as(client, object)
            .await
            .with_context(|| spec.to_string())?;
        Ok(self.issuer_ref(IssuerKind::Issuer, name))
    }

    /// Returns the error of the API server about an Issuer with this key. Fields that are unknown count,
    /// as they do for `kubectl apply`.
    pub(super) async fn may_not_write(&self, key: &Value) -> Result<String> {
        let spec = json!({ "key": key, "certificate": { "selfSigned": {} } });
        let issuers: Api<DynamicObject> = Api::namespaced_with(
            self.user.client(),
            self.name(),
            &ApiResource::erase::<Issuer>(&()),
        );
        let params = PatchParams::apply("tenant").validation_strict();
        let object: DynamicObject = serde_json::from_value(issuer("wrong", &spec))?;
        let refused = issuers.patch("wrong", &params, &Patch::Apply(object)).await;
        let refused = refused.err().with_context(|| format!("{key} was taken"))?;
        Ok(refused.to_string())
    }

    /// A Secret of the namespace, made by its administrator.
    pub(super) async fn secret(&self, name: &str, data: Value) -> Result<()> {
        self.namespace
            .create_object(secret(name, data))
            .await
            .with_context(|| format!("the Secret {name}"))?;
        Ok(())
    }

    /// Waits until an Issuer is not ready in its present form, with a message that contains `part`,
    /// and returns that.
    pub(super) async fn is_not_ready(&self, issuer: &IssuerRef, part: &str) -> Result<String> {
        let what = format!("not ready, with a message that contains {part:?}");
        let holds = |ready: &Condition| ready.status == "False" && ready.message.contains(part);
        let status = self.wait_for_issuer(issuer, &what, holds).await?;
        let ready = ready_condition(&status);
        Ok(ready.map(|ready| ready.message.clone()).unwrap_or_default())
    }

    /// All that the tenant sees of an Issuer: its status and its events.
    pub(super) async fn visible_text(&self, issuer: &IssuerRef) -> Result<String> {
        let api: Api<Issuer> = self.api();
        let object = api.get(&issuer.name).await?;
        let events = self.bed().events(&object).await?;
        let notes: Vec<_> = events
            .iter()
            .filter_map(|event| event.message.as_deref())
            .collect();
        Ok(format!(
            "{}\n{}",
            serde_json::to_string(&object.status)?,
            notes.join("\n")
        ))
    }
}

impl std::ops::Deref for Tenant {
    type Target = TestNamespace;

    fn deref(&self) -> &TestNamespace {
        &self.namespace
    }
}

fn issuer(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": Issuer::api_version(&()), "kind": Issuer::kind(&()),
        "metadata": { "name": name }, "spec": spec,
    })
}

fn secret(name: &str, data: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": data,
    })
}

/// A ClusterIssuer with this key and a root over it, as an administrator makes one.
pub(super) async fn cluster_issuer(
    test: &TestNamespace,
    name: &str,
    key: Value,
) -> Result<IssuerRef> {
    let spec = json!({ "key": key, "certificate": { "selfSigned": {} } });
    Ok(test.create_issuer(ClusterIssuer, name, spec).await?)
}

/// A key in Vault at an address, behind this login.
pub(super) fn vault(address: &str, ca_pem: Option<&str>, auth: Value) -> Value {
    let mut key = json!({ "address": address, "name": "ca", "auth": auth });
    if let Some(pem) = ca_pem {
        key["caBundle"] = json!({ "inline": pem });
    }
    json!({ "vaultTransit": key })
}

/// The login with a token in the Secret `vault-token`.
pub(super) fn by_token() -> Value {
    json!({ "tokenRef": { "name": "vault-token", "key": "token" } })
}
