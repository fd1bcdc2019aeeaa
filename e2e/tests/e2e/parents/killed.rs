//! The operator is killed while a parent has not answered.

use anyhow::{Context, Result, ensure};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use signet_api::IssuerKind::ClusterIssuer;
use signet_api::external::certificate_request::CertificateRequest;
use signet_api::{CAGeneration, GenerationState};
use signet_e2e::{IssuerRef, OwnBed, TestNamespace, stop};

use super::below;
use super::double::{self, Parent};

/// So that the next process soon takes over from one that was killed.
const SHORT_LEASE: [&str; 2] = ["--leader-election-lease-duration", "4s"];

/// The token of an Issuer's ServiceAccount, which is in memory only, is lost with the process.
pub(crate) async fn killed_while_a_request_to_a_parent_is_open(bed: OwnBed) -> Result<()> {
    let operator = bed.start_operator(&SHORT_LEASE).await?;
    let test = TestNamespace::create(bed.bed(), "killed-parent").await?;
    let open = [
        Open::of_an_issuer(&test).await?,
        Open::of_a_cluster_issuer(&test).await?,
    ];
    operator.kill()?;
    let operator = bed.start_operator(&SHORT_LEASE).await?;
    for one in &open {
        one.is_read_by_the_next_process(&test).await?;
    }
    for one in &open {
        one.is_answered(&test).await?;
    }
    stop(operator).await
}

/// An issuer, and its open request.
struct Open {
    issuer: IssuerRef,
    requests: Api<CertificateRequest>,
    generations: Api<CAGeneration>,
    request: CertificateRequest,
    key: rcgen::KeyPair,
}

impl Open {
    async fn of_an_issuer(test: &TestNamespace) -> Result<Self> {
        let issuer = double::issuer(test).await?;
        Ok(Self {
            request: test.parent_request(&issuer, (1, 1), None).await?,
            key: double::key(test.api(), double::KEY).await?,
            requests: test.api(),
            generations: test.api(),
            issuer,
        })
    }

    async fn of_a_cluster_issuer(test: &TestNamespace) -> Result<Self> {
        let secret = test.unique("corp-ca");
        let spec = below(&secret, &double::reference());
        let issuer = test.create_issuer(ClusterIssuer, "corp", spec).await?;
        Ok(Self {
            request: test.parent_request(&issuer, (1, 1), None).await?,
            key: double::key(test.cluster_resources(), &secret).await?,
            requests: test.cluster_resources(),
            generations: test.cluster_resources(),
            issuer,
        })
    }

    fn name(&self) -> String {
        self.request.name_any()
    }

    /// What the parent writes now is in the issuer's message, so the process has found the request.
    async fn is_read_by_the_next_process(&self, test: &TestNamespace) -> Result<()> {
        let pending = ("False", "Pending", "a person has to look");
        test.answer_as_parent(&self.issuer, &self.name(), pending, None)
            .await?;
        let holds = |ready: &Condition| {
            ready.reason == "WaitingForParent"
                && ready.message.contains(pending.2)
                && ready.message.contains(&self.name())
        };
        test.wait_for_issuer(&self.issuer, "what the parent waits for", holds)
            .await?;
        self.is_the_only_one().await
    }

    async fn is_answered(&self, test: &TestNamespace) -> Result<()> {
        let parent = Parent::new()?;
        let chain = parent.sign(&self.key, |_| {})?;
        let issued = ("True", "Issued", "signed");
        let signed = Some((chain.as_str(), parent.pem.as_str()));
        test.answer_as_parent(&self.issuer, &self.name(), issued, signed)
            .await?;
        let status = test.wait_until_ready(&self.issuer).await?;
        let [ca] = &status.ca[..] else {
            anyhow::bail!("{:?} has {:?}", self.issuer, status.ca);
        };
        ensure!(ca.generation == 1 && ca.state == GenerationState::Active);
        let leaf = test.obtain(&self.issuer).await?;
        ensure!(
            leaf.roots_pem == parent.pem,
            "it is under {}",
            leaf.roots_pem
        );
        ensure!(leaf.chain_pem.contains(chain.trim()), "{}", leaf.chain_pem);
        self.is_the_only_one().await
    }

    /// There is the first request only, with the UID from before the kill, and one generation.
    async fn is_the_only_one(&self) -> Result<()> {
        let of_generations = format!(
            "{}-{}-",
            self.issuer.kind.as_str().to_lowercase(),
            self.issuer.name
        );
        let all = ListParams::default();
        let found = self.requests.list(&all).await?.items;
        let mut own = found
            .into_iter()
            .filter(|one| one.name_any().starts_with(&of_generations));
        let first = own.next().context("the request is still there")?;
        ensure!(first.uid() == self.request.uid(), "{first:?} is another");
        let second = own.next();
        ensure!(second.is_none(), "there is another request: {second:?}");
        let found = self.generations.list(&all).await?.items;
        let own = found
            .iter()
            .filter(|one| one.spec.issuer_ref.name == self.issuer.name)
            .count();
        ensure!(own == 1, "{:?} has {own} generations", self.issuer);
        Ok(())
    }
}
