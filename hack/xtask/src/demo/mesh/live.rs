//! What happens to istiod's Secret, to what istiod trusts, and to two workloads: a line for each
//! change.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};
use signet_soak::certificate::Certificate;
use signet_testbed::wait::{Observation, until};

use super::cacerts::{Cacerts, trust};
use super::pair::Pair;
use crate::demo::workload::Agents;
use crate::keep::ISTIO_NAMESPACE;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// What is shown, while it changes.
pub(super) struct Live<'a> {
    secrets: Api<Secret>,
    maps: Api<ConfigMap>,
    agents: &'a Agents<'a>,
    seen: Seen,
    /// How many changes were shown.
    shown: usize,
}

/// What was seen last.
pub(super) struct Seen {
    cacerts: Option<Cacerts>,
    /// What istiod publishes that it trusts.
    roots: Vec<Certificate>,
    pair: Pair,
}

impl<'a> Live<'a> {
    pub(super) fn start(client: &Client, agents: &'a Agents<'a>) -> Self {
        Self {
            secrets: Api::namespaced(client.clone(), ISTIO_NAMESPACE),
            maps: Api::namespaced(client.clone(), ISTIO_NAMESPACE),
            agents,
            seen: Seen {
                cacerts: None,
                roots: Vec::new(),
                pair: Pair::new(),
            },
            shown: 0,
        }
    }

    /// The CA certificate that was in the Secret last.
    pub(super) fn ca(&self) -> Option<Certificate> {
        self.seen.ca().cloned()
    }

    /// How many handshakes there were.
    pub(super) fn handshakes(&self) -> usize {
        self.seen.pair.handshakes
    }

    /// Shows what changes until it is as wanted.
    pub(super) async fn until(
        &mut self,
        what: &str,
        reached: impl Fn(&Seen) -> bool,
    ) -> Result<()> {
        let observe = async || {
            self.look().await?;
            if reached(&self.seen) {
                return Ok(Observation::Reached(()));
            }
            tokio::time::sleep(INTERVAL).await;
            // Handshakes go on while nothing changes.
            Ok(Observation::Progress(self.shown))
        };
        until(what, observe).await
    }

    async fn look(&mut self) -> Result<()> {
        let data = self.secrets.get("cacerts").await?.data.unwrap_or_default();
        let cacerts = Cacerts::read(&data)?;
        if self.seen.cacerts.as_ref() != Some(&cacerts) {
            let change = cacerts.describe(self.seen.cacerts.as_ref())?;
            self.show(&format!("cacerts: {change}"));
            self.seen.cacerts = Some(cacerts);
        }
        let map = self.maps.get_opt("istio-ca-root-cert").await?;
        let published = map.and_then(|map| map.data?.remove("root-cert.pem"));
        // istiod publishes them just after it is ready.
        let Some(published) = published else {
            return Ok(());
        };
        let roots = Certificate::all(&published)?;
        if self.seen.roots != roots {
            self.show(&format!("istiod:  trusts {}", trust(&roots)));
            self.seen.roots = roots;
        }
        for news in self.seen.pair.renew(self.agents, &published).await? {
            self.show(&format!("mTLS:    {news}"));
        }
        Ok(())
    }

    fn show(&mut self, line: &str) {
        println!("{}  {line}", Timestamp::now().strftime("%H:%M:%S"));
        self.shown += 1;
    }
}

impl Seen {
    /// The CA certificate in the Secret.
    pub(super) fn ca(&self) -> Option<&Certificate> {
        self.cacerts.as_ref().map(|cacerts| &cacerts.ca)
    }

    /// Whether both workloads have certificates of the CA in the Secret.
    pub(super) fn are_signed_by_the_ca(&self) -> bool {
        self.ca().is_some_and(|ca| self.pair.are_signed_by(ca))
    }

    pub(super) fn istiod_trusts(&self, roots: usize) -> bool {
        self.roots.len() == roots
    }

    pub(super) fn workloads_trust(&self, roots: usize) -> bool {
        self.pair.trust(roots)
    }
}
