//! The workloads of the mesh, which get their leaves as Istio's agent does: with a token of their
//! ServiceAccount, over istiod's own API.

use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, Client};
use signet_testbed::istio::{Agent, AgentKey, AgentRequest, TOKEN_AUDIENCE};
use signet_testbed::wait::{Observation, until};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::objects::{MESH_CA, Names, TRUST_DOMAIN};
use crate::certificate::Certificate;
use crate::consumers::{Consumer, Leaf, Trust};
use crate::generations::{self, Event};
use crate::peers::Stack;
use crate::timeline::Timeline;

/// The ServiceAccounts of the workloads, and what connects for them.
pub(super) const ACCOUNTS: [(&str, Stack); 4] = [
    ("orders", Stack::Envoy),
    ("payments", Stack::Envoy),
    ("catalog", Stack::Go),
    ("search", Stack::Go),
];

/// Where istiod publishes the roots that it has loaded, and the entry.
const ROOTS: (&str, &str) = ("istio-ca-root-cert", "root-cert.pem");

/// The workloads of one istiod.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it has a client")]
pub(crate) struct Workloads {
    pub(super) client: Client,
    pub(super) agent: Agent,
    pub(super) names: Names,
    /// Where istiod listens, and its DNS name.
    pub(super) istiod: (String, String),
    pub(super) lifetime: Duration,
}

impl Workloads {
    /// Returns the workloads as consumers, without certificates.
    pub(crate) fn consumers(&self) -> Vec<Consumer> {
        let consumer = |(account, stack): (&str, Stack)| {
            Consumer::new(
                account.to_owned(),
                (stack, Trust::Leaf),
                self.identity(account),
            )
        };
        ACCOUNTS.map(consumer).into()
    }

    fn identity(&self, account: &str) -> String {
        let namespace = &self.names.workloads;
        format!("spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{account}")
    }

    /// Requests a leaf, again and again as the agent does: istiod may just have got another
    /// certificate itself.
    pub(crate) async fn request(&self, consumer: &Consumer) -> Result<Leaf> {
        let observe = async || {
            Ok(match self.try_request(&consumer.name).await {
                Ok(leaf) => Observation::Reached(leaf),
                Err(error) => Observation::Progress(format!("{error:#}")),
            })
        };
        until(format!("a certificate for {}", consumer.name), observe).await
    }

    async fn try_request(&self, account: &str) -> Result<Leaf> {
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.names.workloads);
        let data = maps.get(ROOTS.0).await?.data.unwrap_or_default();
        let identity = self.identity(account);
        let request = AgentRequest {
            address: &self.istiod.0,
            server_name: &self.istiod.1,
            roots: data
                .get(ROOTS.1)
                .context("istiod has published its roots")?,
            token: &self.token(account).await?,
            identity: &identity,
            key: AgentKey::P256,
            seconds: u32::try_from(self.lifetime.as_secs())?,
            cert_signer: "",
        };
        let workload = self.agent.certificate(&request).await?;
        Ok(Leaf {
            not_after: Certificate::first(&workload.chain())?.not_after,
            chain: workload.chain(),
            ca: workload.roots().to_owned(),
            key: workload.key,
        })
    }

    async fn token(&self, account: &str) -> Result<String> {
        let accounts: Api<ServiceAccount> =
            Api::namespaced(self.client.clone(), &self.names.workloads);
        let wanted = TokenRequest {
            spec: Some(TokenRequestSpec {
                audiences: Some(vec![TOKEN_AUDIENCE.to_owned()]),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let params = PostParams::default();
        let made = accounts.create_token_request(account, &params, &wanted);
        let token = made.await?.status.and_then(|made| made.token);
        token.context("the API server makes a token")
    }

    /// Follows the generations of the MeshCA and the roots that istiod has loaded, without an end.
    pub(crate) async fn follow(
        &self,
        timeline: &Timeline,
        events: UnboundedSender<(u32, Event)>,
    ) -> Result<()> {
        let namespace = &self.names.namespace;
        let generations = Api::namespaced(self.client.clone(), namespace);
        let maps = Api::namespaced(self.client.clone(), namespace);
        let (bundles, _published) = unbounded_channel();
        let generations = generations::follow(generations, MESH_CA, timeline, events);
        let roots = generations::follow_bundle(maps, ROOTS, timeline, bundles);
        futures::try_join!(generations, roots).map(drop)
    }
}
