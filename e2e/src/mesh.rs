//! istiod in the namespace of a test, and workloads that it gives certificates to.

mod workloads;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Pod, Secret, ServiceAccount};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use signet_api::ClusterIssuer;
use signet_testbed::controlplane::Toolchain;
use signet_testbed::istio::{self, Agent, AgentKey, Istiod, Workload};
use signet_testbed::wait::{Observation, until};

use crate::runtime::blocking;
use crate::verify::Certificate;
use crate::{Bed, IssuerRef, TestNamespace};

use workloads::token;
pub use workloads::{Form, Workloads};

/// The name of ztunnel's account and Pod, which the chart trusts in istiod's namespace.
const ZTUNNEL: &str = "ztunnel";
const NODE: &str = "node-1";

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Builds istiod and the agent: minutes, where they are not cached yet.
///
/// # Errors
/// One cannot be built.
pub fn prepare() -> Result<()> {
    let toolchain = Toolchain::new()?;
    toolchain.istio_charts()?;
    Agent::new(&toolchain).map(drop)
}

/// What istiod is started with.
#[derive(Clone, Debug)]
pub struct MeshOptions {
    /// The trust domain of the mesh.
    pub trust_domain: String,
    /// Values of istiod's chart.
    pub values: Value,
}

/// A mesh: istiod, and a namespace with workloads.
#[derive(Debug)]
pub struct Mesh<'a> {
    test: &'a TestNamespace,
    toolchain: Toolchain,
    istiod: Istiod,
    trust_domain: String,
    namespace: TestNamespace,
    workloads: Workloads,
    log: PathBuf,
}

impl<'a> Mesh<'a> {
    /// Applies istiod's chart into the test's namespace, and starts istiod.
    ///
    /// # Errors
    /// It does not get ready.
    pub async fn start(test: &'a TestNamespace, options: MeshOptions) -> Result<Self> {
        let toolchain = blocking(Toolchain::new).await?;
        let log = test
            .bed()
            .plane()
            .logs()
            .join(format!("{}.log", test.name()));
        let namespace = TestNamespace::create(test.bed(), "shop").await?;
        let MeshOptions {
            trust_domain,
            values,
        } = options;
        let values = complete(values, &trust_domain, &[test.name(), namespace.name()]);
        apply(test, &toolchain, &values).await?;
        let cluster = test.bed().plane().cluster();
        let istiod = Istiod::start(cluster, &toolchain, test.name(), &log).await?;
        let known = (istiod.address(), istiod.server_name());
        Ok(Self {
            test,
            workloads: Workloads::new(test.bed(), namespace.name(), &trust_domain, known)?,
            toolchain,
            istiod,
            trust_domain,
            namespace,
            log,
        })
    }

    /// Applies the chart with other values. istiod follows its ConfigMap; what is in the Deployment
    /// takes effect with [`restart`](Self::restart).
    ///
    /// # Errors
    /// The API server rejects an object.
    pub async fn configure(&self, values: Value) -> Result<()> {
        let namespaces = [self.test.name(), self.namespace.name()];
        let values = complete(values, &self.trust_domain, &namespaces);
        apply(self.test, &self.toolchain, &values).await
    }

    /// Starts istiod again, as a rollout does.
    ///
    /// # Errors
    /// It does not get ready.
    pub async fn restart(&mut self) -> Result<()> {
        let cluster = self.test.bed().plane().cluster();
        let namespace = self.test.name();
        self.istiod = Istiod::start(cluster, &self.toolchain, namespace, &self.log).await?;
        let known = (self.istiod.address(), self.istiod.server_name());
        self.workloads.know(known);
        Ok(())
    }

    /// Ends istiod at once, as a node that fails would, and starts it again.
    ///
    /// # Errors
    /// It does not end, or does not get ready.
    pub async fn kill(&mut self) -> Result<()> {
        self.istiod.kill()?;
        self.restart().await
    }

    /// istiod.
    pub fn istiod(&self) -> &Istiod {
        &self.istiod
    }

    /// The workloads.
    pub fn workloads(&self) -> &Workloads {
        &self.workloads
    }

    /// The namespace of the workloads.
    pub fn namespace(&self) -> &TestNamespace {
        &self.namespace
    }

    /// As [`Workloads::certificate`], for an account that is created if it does not exist.
    ///
    /// # Errors
    /// istiod issues none, or something is wrong with it.
    pub async fn workload(&self, account: &str, form: Form<'_>, roots: &str) -> Result<Workload> {
        let accounts = self.namespace.api::<ServiceAccount>();
        if accounts.get_metadata_opt(account).await?.is_none() {
            self.namespace.robot(account).await?;
        }
        self.workloads.certificate(account, form, roots).await
    }

    /// As [`workload`](Self::workload), as ztunnel requests it for a Pod on its node.
    ///
    /// # Errors
    /// istiod issues none, or something is wrong with it.
    pub async fn ztunnel(&self, account: &str, roots: &str) -> Result<Workload> {
        self.namespace.robot(account).await?;
        self.namespace.pod_on(NODE, account).await?;
        self.test.robot(ZTUNNEL).await?;
        self.test.pod_on(NODE, ZTUNNEL).await?;
        let pod = self.test.api::<Pod>().get(ZTUNNEL).await?;
        let token = token(self.test.bed(), self.test.name(), ZTUNNEL, Some(&pod)).await?;
        let (identity, form) = (
            self.workloads.identity(account),
            Form::of(AgentKey::Ztunnel),
        );
        // istiod learns of Pods by a watch.
        let observe = async || {
            let requested = self.workloads.request(&token, &identity, form, roots).await;
            Ok(match requested {
                Ok(workload) => Observation::Reached(workload),
                Err(error) => Observation::Progress(format!("{error:#}")),
            })
        };
        let workload = until(format!("a certificate for {identity}"), observe).await?;
        self.workloads.check(&workload, &identity, roots)?;
        Ok(workload)
    }
}

/// The certificate that istiod presents now.
///
/// # Errors
/// It does not complete a handshake.
pub async fn serving_certificate(istiod: &Istiod) -> Result<Certificate> {
    let (address, name) = (istiod.address(), istiod.server_name());
    let shown = blocking(move || {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-showcerts", "-connect", &address]);
        openssl.args(["-servername", &name]).stdin(Stdio::null());
        signet_testbed::run(&mut openssl)
    })
    .await?;
    let begin = shown.find(BEGIN).context("istiod presents a certificate")?;
    let end = shown[begin..].find(END).context("it has an end")?;
    let first = &shown[begin..begin + end + END.len()];
    let certificates = Certificate::read_pem(&format!("{first}\n"))?;
    certificates.into_iter().next().context("it is empty")
}

/// Limits istiod to the namespaces of its mesh: several of them would overwrite each other's root
/// in every namespace.
fn complete(mut values: Value, trust_domain: &str, namespaces: &[&str]) -> Value {
    values["meshConfig"]["trustDomain"] = json!(trust_domain);
    values["meshConfig"]["discoverySelectors"] = json!([{ "matchExpressions": [{
        "key": "kubernetes.io/metadata.name", "operator": "In", "values": namespaces,
    }] }]);
    values
}

async fn apply(test: &TestNamespace, toolchain: &Toolchain, values: &Value) -> Result<()> {
    let cluster = test.bed().plane().cluster();
    istio::install(cluster, toolchain, test.name(), &values.to_string()).await
}

impl Bed {
    /// The trust bundle of a ClusterIssuer.
    ///
    /// # Errors
    /// It has none.
    pub async fn bundle_of_cluster_issuer(&self, name: &str) -> Result<String> {
        let issuers: Api<ClusterIssuer> = Api::all(self.client());
        let status = issuers.get(name).await?.status;
        let bundle = status.and_then(|status| status.bundle);
        bundle.context("it has a bundle")
    }
}

impl TestNamespace {
    /// The trust bundle of a ready issuer.
    ///
    /// # Errors
    /// It does not get ready.
    pub async fn bundle(&self, issuer: &IssuerRef) -> Result<String> {
        let status = self.wait_until_ready(issuer).await?;
        status.bundle.context("a ready issuer has a bundle")
    }

    /// Creates or replaces a Secret of this namespace.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn put_own_secret(&self, name: &str, texts: &[(&str, &str)]) -> Result<()> {
        let data: serde_json::Map<_, _> = texts
            .iter()
            .map(|(key, text)| ((*key).to_owned(), json!(text)))
            .collect();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": name }, "stringData": data,
        });
        let params = PatchParams::apply("e2e").force();
        let secrets = self.api::<Secret>();
        secrets.patch(name, &params, &Patch::Apply(&secret)).await?;
        Ok(())
    }

    /// Creates a Pod of an account on a node, under the account's name. Nothing runs it.
    async fn pod_on(&self, node: &str, account: &str) -> Result<()> {
        self.create_object(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": account },
            "spec": {
                "serviceAccountName": account, "nodeName": node,
                "containers": [{ "name": "main", "image": "not-run" }],
            },
        }))
        .await?;
        Ok(())
    }
}
