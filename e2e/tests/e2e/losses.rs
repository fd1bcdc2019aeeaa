//! What an issuer's CA consists of is lost, in part or as a whole: status, generations, key, and the
//! object with the trust bundle. It comes back, or nothing takes its place.

mod refusals;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::json;
use signet_api::IssuerKind::ClusterIssuer;
use signet_api::{CAGeneration, IssuerStatus};
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, Issued, IssuerRef, TestNamespace, spec};

pub(crate) use refusals::tests as refusals;

shared![
    generations_are_lost_and_the_status_has_the_root,
    only_the_bundle_object_and_the_key_are_left,
    only_the_generation_and_the_key_are_left,
    the_key_and_the_generations_are_lost,
    only_the_bundle_object_is_left,
    only_the_key_is_left,
    an_acknowledged_loss_of_the_key_starts_over,
    a_restored_key_brings_the_ca_back,
];

/// A ClusterIssuer that has issued a certificate.
struct Subject<'a> {
    test: &'a TestNamespace,
    issuer: IssuerRef,
    key: String,
    status: IssuerStatus,
    issued: Issued,
}

impl<'a> Subject<'a> {
    async fn new(test: &'a TestNamespace) -> Result<Self> {
        let key = test.unique("key");
        let issuer = test
            .issuer(ClusterIssuer, "root", spec::self_signed(&key))
            .await?;
        let status = test.wait_until_ready(&issuer).await?;
        let issued = issue(test, &issuer).await?;
        Ok(Self {
            test,
            issuer,
            key,
            status,
            issued,
        })
    }

    /// The fingerprint of its root.
    fn root(&self) -> Result<String> {
        let current = self.status.ca.first().context("it has a CA")?;
        current.fingerprint.clone().context("it has a certificate")
    }

    /// Deletes the issuer, and with it its status. What else is lost is to be deleted before it is
    /// created again.
    async fn delete_issuer(&self) -> Result<()> {
        self.test.delete_issuer(&self.issuer).await
    }

    /// Creates the issuer as Git has it.
    async fn create_issuer(&self) -> Result<()> {
        let spec = spec::self_signed(&self.key);
        self.test.create_issuer(ClusterIssuer, "root", spec).await?;
        Ok(())
    }

    fn generations(&self) -> Api<CAGeneration> {
        self.test.cluster_resources()
    }

    async fn own_generations(&self) -> Result<Vec<CAGeneration>> {
        let listed = self.generations().list(&ListParams::default()).await?;
        let own = listed.items.into_iter();
        let own = own.filter(|one| one.spec.issuer_ref.name == self.issuer.name);
        Ok(own.collect())
    }

    async fn delete_generations(&self) -> Result<()> {
        for one in self.own_generations().await? {
            let name = one.metadata.name.unwrap_or_default();
            self.generations()
                .delete(&name, &DeleteParams::default())
                .await?;
        }
        Ok(())
    }

    async fn delete_key(&self) -> Result<Secret> {
        let secrets = self.test.cluster_resources::<Secret>();
        let secret = secrets.get(&self.key).await?;
        secrets.delete(&self.key, &DeleteParams::default()).await?;
        Ok(secret)
    }

    async fn delete_bundle_object(&self) -> Result<()> {
        let maps = self.test.cluster_resources::<ConfigMap>();
        let name = format!("clusterissuer-{}-bundle", self.issuer.name);
        maps.delete(&name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Nothing is created in the place of the CA. Returns the message.
    async fn is_lost(&self) -> Result<String> {
        let message = self
            .test
            .wait_until_not_ready(&self.issuer, "CaLost")
            .await?;
        let generations = self.own_generations().await?;
        let key = self.test.cluster_resources::<Secret>();
        let key = key.get_opt(&self.key).await?;
        ensure!(
            generations.is_empty() || key.is_none(),
            "a CA was created: {generations:?}"
        );
        Ok(message)
    }

    /// The CA that was there signs again.
    async fn is_back(&self) -> Result<()> {
        let status = self.test.wait_until_ready(&self.issuer).await?;
        let issued = issue(self.test, &self.issuer).await?;
        ensure!(
            issued.issuer()?.der() == self.issued.issuer()?.der(),
            "another CA signs"
        );
        ensure!(status.bundle == self.status.bundle, "{status:?}");
        Ok(())
    }

    async fn acknowledge(&self, fingerprint: &str) -> Result<()> {
        let change = json!({ "certificate": { "acknowledgedLoss": fingerprint } });
        self.test.patch_issuer(&self.issuer, change).await?;
        Ok(())
    }

    /// Another CA signs, and the root of the one before is trusted too.
    async fn started_over(&self) -> Result<IssuerStatus> {
        let status = self.test.wait_until_ready(&self.issuer).await?;
        let issued = issue(self.test, &self.issuer).await?;
        let before = self.issued.issuer()?.der();
        ensure!(issued.issuer()?.der() != before, "the lost CA signs");
        ensure!(
            issued.roots.iter().any(|root| root.der() == before),
            "the root of the lost CA is not trusted any more"
        );
        Ok(status)
    }
}

async fn issue(test: &TestNamespace, issuer: &IssuerRef) -> Result<Issued> {
    let csr = Csr::for_dns("shop.example")?;
    test.issue(&Ask::new(issuer, &csr), &csr).await
}

async fn generations_are_lost_and_the_status_has_the_root(test: &TestNamespace) -> Result<()> {
    let subject = Subject::new(test).await?;
    subject.delete_bundle_object().await?;
    subject.delete_generations().await?;
    // So that it is observed before it is ready again.
    test.patch_issuer(&subject.issuer, json!({ "profile": { "ca": {} } }))
        .await?;
    subject.is_back().await?;
    let adopted = subject.own_generations().await?;
    ensure!(adopted.len() == 1, "{adopted:?}");
    ensure!(
        adopted[0].spec.longest_leaf_seconds > Some(365 * 24 * 3600),
        "anything may have been granted: {adopted:?}"
    );
    Ok(())
}

async fn only_the_bundle_object_and_the_key_are_left(test: &TestNamespace) -> Result<()> {
    let subject = Subject::new(test).await?;
    subject.delete_issuer().await?;
    subject.delete_generations().await?;
    subject.create_issuer().await?;
    subject.is_back().await
}

/// As after a restore from Git, without the object.
async fn only_the_generation_and_the_key_are_left(test: &TestNamespace) -> Result<()> {
    let subject = Subject::new(test).await?;
    subject.delete_issuer().await?;
    subject.delete_bundle_object().await?;
    subject.create_issuer().await?;
    subject.is_back().await?;
    let generations = subject.own_generations().await?;
    ensure!(generations.len() == 1, "{generations:?}");
    Ok(())
}

async fn the_key_and_the_generations_are_lost(test: &TestNamespace) -> Result<()> {
    let subject = Subject::new(test).await?;
    // The other way round, the CA would be adopted in between.
    subject.delete_key().await?;
    subject.delete_generations().await?;
    let message = subject.is_lost().await?;
    let root = subject.root()?;
    ensure!(
        message.contains(&format!("acknowledgedLoss to {root}")),
        "{message}"
    );
    let status = test.wait_for_issuer(&subject.issuer, "lost", |ready| ready.reason == "CaLost");
    let status = status.await?;
    ensure!(
        status.bundle == subject.status.bundle && status.ca == subject.status.ca,
        "what is left stays: {status:?}"
    );
    subject.acknowledge(&root).await?;
    subject.started_over().await?;
    let generations = subject.own_generations().await?;
    let numbers: Vec<_> = generations.iter().map(|one| one.spec.generation).collect();
    ensure!(numbers == [2], "{numbers:?}");
    Ok(())
}

async fn only_the_bundle_object_is_left(test: &TestNamespace) -> Result<()> {
    let subject = Subject::new(test).await?;
    subject.delete_issuer().await?;
    subject.delete_generations().await?;
    subject.delete_key().await?;
    subject.create_issuer().await?;
    let message = subject.is_lost().await?;
    ensure!(
        message.contains("the object with the trust bundle has the root"),
        "{message}"
    );
    subject.acknowledge(&subject.root()?).await?;
    subject.started_over().await?;
    Ok(())
}

async fn only_the_key_is_left(test: &TestNamespace) -> Result<()> {
    let subject = Subject::new(test).await?;
    subject.delete_issuer().await?;
    subject.delete_generations().await?;
    subject.delete_bundle_object().await?;
    subject.create_issuer().await?;
    let message = subject.is_lost().await?;
    ensure!(
        message.contains("was created for an earlier issuer of this name"),
        "{message}"
    );
    let key = &subject
        .status
        .ca
        .first()
        .context("it had a CA")?
        .key_fingerprint;
    subject.acknowledge(key).await?;
    test.wait_until_ready(&subject.issuer).await?;
    let issued = issue(test, &subject.issuer).await?;
    ensure!(
        issued.issuer()?.public_key() == subject.issued.issuer()?.public_key(),
        "the key is used"
    );
    Ok(())
}

async fn an_acknowledged_loss_of_the_key_starts_over(test: &TestNamespace) -> Result<()> {
    let subject = Subject::new(test).await?;
    subject.delete_key().await?;
    let message = subject.is_lost().await?;
    let name = format!("clusterissuer-{}-1", subject.issuer.name);
    ensure!(message.contains(&name), "{message}");
    subject.acknowledge(&subject.root()?).await?;
    let status = subject.started_over().await?;
    ensure!(status.ca.len() == 2, "{:?}", status.ca);
    Ok(())
}

async fn a_restored_key_brings_the_ca_back(test: &TestNamespace) -> Result<()> {
    let subject = Subject::new(test).await?;
    let mut secret = subject.delete_key().await?;
    subject.is_lost().await?;
    secret.metadata.resource_version = None;
    secret.metadata.uid = None;
    let secrets = test.cluster_resources::<Secret>();
    secrets.create(&PostParams::default(), &secret).await?;
    subject.is_back().await
}
