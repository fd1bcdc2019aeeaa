//! Where a test lives.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource, ResourceExt};
use serde_json::{Value, json};
use signet_api::{CAGeneration, ClusterIssuer};
use signet_testbed::installation::NAMESPACE;
use tokio::sync::OnceCell;

use crate::Bed;
use crate::runtime::runtime;
use crate::user::{Rule, User};

/// The label of everything that a test makes; its value is the test's suffix.
pub(crate) const LABEL: &str = "e2e.signet.dev/test";

/// A namespace for one test. Dropping it begins its deletion, and that of what the test made
/// outside of it.
#[derive(Debug)]
pub struct TestNamespace {
    bed: &'static Bed,
    name: String,
    suffix: String,
    requester: OnceCell<User>,
    /// Whether it ends with the test.
    is_tests: bool,
}

impl TestNamespace {
    /// Makes the namespace of a test.
    ///
    /// # Errors
    /// The API server did not take it.
    pub async fn create(bed: &'static Bed, test: &str) -> Result<Self> {
        let suffix = suffix();
        // The name of the test comes first, for readers of a log; a label has 63 characters.
        let short: String = test.chars().take(40).collect();
        let name = format!("{}-{suffix}", short.replace('_', "-").trim_matches('-'));
        Self::create_called(bed, name, suffix).await
    }

    /// Makes a namespace of exactly this name, for a test that something knew before it began.
    ///
    /// # Errors
    /// The API server did not take it.
    pub async fn named(bed: &'static Bed, name: &str) -> Result<Self> {
        Self::create_called(bed, name.to_owned(), suffix()).await
    }

    /// A namespace that is there already and stays.
    pub fn existing(bed: &'static Bed, name: &str) -> Self {
        let mut this = Self::called(bed, name.to_owned(), suffix());
        this.is_tests = false;
        this
    }

    fn called(bed: &'static Bed, name: String, suffix: String) -> Self {
        Self {
            bed,
            name,
            suffix,
            requester: OnceCell::new(),
            is_tests: true,
        }
    }

    async fn create_called(bed: &'static Bed, name: String, suffix: String) -> Result<Self> {
        let this = Self::called(bed, name, suffix);
        let namespaces: Api<Namespace> = Api::all(bed.client());
        let object = json!({ "metadata": { "name": this.name, "labels": this.labels() } });
        namespaces
            .create(&PostParams::default(), &serde_json::from_value(object)?)
            .await?;
        Ok(this)
    }

    /// The bed that it stands on.
    pub fn bed(&self) -> &'static Bed {
        self.bed
    }

    /// The namespace's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Selects the objects of this test by their label.
    pub(crate) fn selector(&self) -> String {
        format!("{LABEL}={}", self.suffix)
    }

    /// A name that no other test uses, for objects of the whole cluster and in other namespaces.
    pub fn unique(&self, name: &str) -> String {
        format!("{name}-{}", self.suffix)
    }

    /// Objects of a kind in this namespace, as the administrator.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.bed.client(), &self.name)
    }

    /// Objects of a kind in the cluster resource namespace, as the administrator.
    pub fn cluster_resources<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.bed.client(), NAMESPACE)
    }

    /// Creates an object as the administrator. It needs `apiVersion` and `kind`; what it lacks of
    /// a namespace and of the test's label it is given.
    ///
    /// # Errors
    /// The API server did not take it.
    pub async fn create_object(&self, object: Value) -> Result<DynamicObject, kube::Error> {
        self.create_object_as(self.bed.client(), object).await
    }

    /// As [`create_object`](Self::create_object), with the client's identity.
    ///
    /// # Errors
    /// The API server did not take it.
    pub async fn create_object_as(
        &self,
        client: kube::Client,
        mut object: Value,
    ) -> Result<DynamicObject, kube::Error> {
        object["metadata"]["labels"][LABEL] = json!(self.suffix);
        let object: DynamicObject =
            serde_json::from_value(object).map_err(kube::Error::SerdeError)?;
        let api = self.dynamic(client, &object);
        api.create(&PostParams::default(), &object).await
    }

    fn dynamic(&self, client: kube::Client, object: &DynamicObject) -> Api<DynamicObject> {
        let types = object.types.clone().unwrap_or_default();
        let (group, version) = types
            .api_version
            .split_once('/')
            .unwrap_or(("", &types.api_version));
        let gvk = kube::core::GroupVersionKind::gvk(group, version, &types.kind);
        let resource = ApiResource::from_gvk(&gvk);
        match types.kind.as_str() {
            kind if CLUSTER_KINDS.contains(&kind) => Api::all_with(client, &resource),
            _ => {
                let namespace = object.namespace().unwrap_or_else(|| self.name.clone());
                Api::namespaced_with(client, &namespace, &resource)
            }
        }
    }

    /// A ServiceAccount of this namespace with these rights in it.
    ///
    /// # Errors
    /// The API server did not take one of its objects.
    pub async fn service_account(&self, name: &str, rules: &[Rule]) -> Result<User> {
        crate::user::in_namespace(self, name, rules).await
    }

    /// Further rights in this namespace, for a user of any namespace.
    ///
    /// # Errors
    /// The API server did not take one of its objects.
    pub async fn grant(&self, user: &User, role: &str, rules: &[Rule]) -> Result<()> {
        crate::user::grant(self, user, role, rules).await
    }

    /// Further rights on the whole cluster.
    ///
    /// # Errors
    /// The API server did not take one of its objects.
    pub async fn grant_in_cluster(&self, user: &User, role: &str, rules: &[Rule]) -> Result<()> {
        crate::user::grant_in_cluster(self, user, role, rules).await
    }

    /// A ServiceAccount of another namespace, which may be there already. It stays when the test ends.
    ///
    /// # Errors
    /// The API server did not take it.
    pub async fn service_account_in(&self, namespace: &str, name: &str) -> Result<User> {
        crate::user::elsewhere(self, namespace, name).await
    }

    /// The ServiceAccount `requester`, which may create CertificateRequests here.
    ///
    /// # Errors
    /// The API server did not take one of its objects.
    pub async fn requester(&self) -> Result<&User> {
        let make = || self.service_account("requester", &[Rule::CREATE_CERTIFICATE_REQUESTS]);
        self.requester.get_or_try_init(make).await
    }

    /// A Secret's data in this namespace.
    ///
    /// # Errors
    /// There is no such Secret.
    pub async fn secret(&self, name: &str) -> Result<Secret> {
        self.api::<Secret>()
            .get(name)
            .await
            .with_context(|| format!("the Secret {name}"))
    }

    fn labels(&self) -> Value {
        json!({ LABEL: self.suffix })
    }
}

impl Drop for TestNamespace {
    fn drop(&mut self) {
        if !self.is_tests {
            return;
        }
        let (bed, name, suffix) = (self.bed, self.name.clone(), self.suffix.clone());
        // No test waits for it; the control plane's end removes the rest.
        runtime().spawn(async move {
            let client = bed.client();
            let background = DeleteParams::background();
            let mine = ListParams::default().labels(&format!("{LABEL}={suffix}"));
            let issuers: Api<ClusterIssuer> = Api::all(client.clone());
            let _ = issuers.delete_collection(&background, &mine).await;
            let _ = Api::<Namespace>::all(client.clone())
                .delete(&name, &background)
                .await;
            let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
            let generations: Api<CAGeneration> = Api::namespaced(client, NAMESPACE);
            if let Ok(all) = generations.list(&ListParams::default()).await {
                for one in all
                    .iter()
                    .filter(|one| one.spec.issuer_ref.name.ends_with(&suffix))
                {
                    let _ = generations.delete(&one.name_any(), &background).await;
                    let secret = &one.spec.key.config.backend().reference();
                    let secret = secret.rsplit('/').next().unwrap_or_default();
                    let _ = secrets.delete(secret, &background).await;
                }
            }
        });
    }
}

/// The kinds without a namespace that tests make.
const CLUSTER_KINDS: [&str; 8] = [
    "CertificateSigningRequest",
    "ClusterIssuer",
    "ClusterRole",
    "ClusterRoleBinding",
    "Namespace",
    "Node",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
];

/// Unique within a control plane, which lives no longer than this process, and different from
/// those of concurrent runs.
fn suffix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let run = jiff::Timestamp::now().subsec_nanosecond().unsigned_abs() / 1000 % 4096;
    format!("{run:03x}{next:03x}")
}
