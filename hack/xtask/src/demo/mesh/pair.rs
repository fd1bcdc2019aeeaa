//! Two workloads that take turns in renewing, and connect after each renewal.

use std::time::Instant;

use anyhow::{Context, Result};
use signet_soak::certificate::Certificate;
use signet_testbed::istio::{AgentKey, Workload};

use super::LEAF_SECONDS;
use crate::demo::workload::{Agents, TRUST_DOMAIN};

const ACCOUNTS: [(&str, AgentKey); 2] = [("orders", AgentKey::Rsa), ("payments", AgentKey::P256)];

/// Two workloads.
pub(super) struct Pair {
    members: [Option<Member>; 2],
    renewals: usize,
    pub(super) handshakes: usize,
}

/// A workload with a certificate.
struct Member {
    workload: Workload,
    requested: Instant,
    /// The CA certificate that it was issued under.
    ca: Certificate,
    roots: Vec<Certificate>,
}

impl Pair {
    pub(super) fn new() -> Self {
        Self {
            members: [None, None],
            renewals: 0,
            handshakes: 0,
        }
    }

    /// Renews the certificate of one of them, and has the two connect, each as client and as server.
    /// Returns what is new, for users.
    pub(super) async fn renew(&mut self, agents: &Agents<'_>, roots: &str) -> Result<Vec<String>> {
        let turn = self.renewals % 2;
        self.renewals += 1;
        let before = self.request(turn, agents, roots).await?;
        // It may have waited for what a person does between two phases.
        let other = 1 - turn;
        if self.members[other].as_ref().is_some_and(Member::is_old) {
            self.request(other, agents, roots).await?;
        }
        let mut news = Vec::new();
        if let [Some(one), Some(other)] = &self.members {
            for (client, server) in [(one, other), (other, one)] {
                let connected =
                    agents
                        .agent
                        .connect(TRUST_DOMAIN, &client.workload, &server.workload);
                connected.await.context("two workloads do not connect")?;
                self.handshakes += 1;
            }
        }
        if let (Some(now), [Some(one), Some(other)]) = (&self.members[turn], &self.members) {
            let is_new = before.as_ref().is_none_or(|before| !before.is_like(now));
            if is_new {
                let ((orders, _), (payments, _)) = (ACCOUNTS[0], ACCOUNTS[1]);
                news.push(format!(
                    "{orders} ({one}) and {payments} ({other}) connect by mTLS"
                ));
            }
        }
        Ok(news)
    }

    /// Requests a certificate for one of them, and returns what it had before.
    async fn request(
        &mut self,
        turn: usize,
        agents: &Agents<'_>,
        roots: &str,
    ) -> Result<Option<Member>> {
        let certificate = agents.certificate(ACCOUNTS[turn], roots, LEAF_SECONDS);
        let member = Member::new(certificate.await?)?;
        Ok(self.members[turn].replace(member))
    }

    /// Whether both have certificates of this CA.
    pub(super) fn are_signed_by(&self, ca: &Certificate) -> bool {
        let is_it = |member: &Option<Member>| member.as_ref().is_some_and(|it| it.ca == *ca);
        self.members.iter().all(is_it)
    }

    /// Whether both trust so many roots.
    pub(super) fn trust(&self, roots: usize) -> bool {
        let has =
            |member: &Option<Member>| member.as_ref().is_some_and(|it| it.roots.len() == roots);
        self.members.iter().all(has)
    }
}

impl Member {
    fn new(workload: Workload) -> Result<Self> {
        let chain = Certificate::all(&workload.chain())?;
        Ok(Self {
            ca: chain
                .into_iter()
                .nth(1)
                .context("istiod's CA is presented")?,
            roots: Certificate::all(workload.roots())?,
            workload,
            requested: Instant::now(),
        })
    }

    /// Whether half of its lifetime may be over.
    fn is_old(&self) -> bool {
        self.requested.elapsed().as_secs() * 2 >= u64::from(LEAF_SECONDS)
    }

    fn is_like(&self, other: &Self) -> bool {
        (&self.ca, &self.roots) == (&other.ca, &other.roots)
    }
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let generation = self.ca.subject.rsplit("generation ").next();
        let (generation, roots) = (generation.unwrap_or_default(), self.roots.len());
        let noun = if roots == 1 { "root" } else { "roots" };
        write!(f, "signed by CA {generation}, trusts {roots} {noun}")
    }
}
