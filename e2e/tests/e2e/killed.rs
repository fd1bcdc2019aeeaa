//! The operator is killed in every state of a CA generation, and goes on from there.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::{Value, json};
use signet_api::GenerationState::{self, Active, Old, Prepared, Published, Requested, Revoked};
use signet_api::IssuerKind::ClusterIssuer;
use signet_api::{CAGeneration, CaSummary, ClusterIssuer as Object, IssuerStatus};
use signet_e2e::manual::Person;
use signet_e2e::{IssuerRef, OwnBed, TestNamespace, stop};
use signet_testbed::installation::Operator;

/// So that the next process soon takes over from one that was killed.
const SHORT_LEASE: [&str; 2] = ["--leader-election-lease-duration", "4s"];

pub(crate) async fn killed_in_every_state_of_a_generation(bed: OwnBed) -> Result<()> {
    let operator = bed.start_operator(&SHORT_LEASE).await?;
    let test = TestNamespace::create(bed.bed(), "killed-ca").await?;
    let chain = test.unique("chain");
    let (first, second) = (test.unique("first"), test.unique("second"));
    let spec = json!({
        "key": key(&first),
        "certificate": { "manual": { "configMapName": chain } },
        "rotation": { "activationDelay": "8s" },
    });
    let issuer = test.create_issuer(ClusterIssuer, "killed", spec).await?;
    let killed = Killed {
        bed: &bed,
        test: &test,
        issuer: &issuer,
    };

    let status = killed.reaches("requested", &[(1, Requested)]).await?;
    let operator = killed.restart(operator).await?;
    let again = killed.reaches("still requested", &[(1, Requested)]).await?;
    ensure!(
        again.csr == status.csr,
        "{:?} and {:?}",
        status.csr,
        again.csr
    );
    let person = Person::new(&test, &issuer, &chain).await?;
    person.sign().await?;
    person.put().await?;
    killed.reaches("active", &[(1, Active)]).await?;
    let operator = killed.restart(operator).await?;
    let before = test.obtain(&issuer).await?;

    // Another key under another root, whose publication is held by an object of another owner.
    operator.kill()?;
    let bundle = killed.put_a_foreign_bundle().await?;
    let operator = bed.start_operator(&SHORT_LEASE).await?;
    test.patch_issuer(&issuer, json!({ "key": key(&second) }))
        .await?;
    killed
        .reaches("next requested", &[(1, Active), (2, Requested)])
        .await?;
    let operator = killed.restart(operator).await?;
    let other = Person::new(&test, &issuer, &chain).await?;
    other.sign().await?;
    other.replace().await?;
    killed
        .reaches("prepared", &[(1, Active), (2, Prepared)])
        .await?;
    let operator = killed.restart(operator).await?;
    killed
        .reaches("still prepared", &[(1, Active), (2, Prepared)])
        .await?;
    bundle
        .delete(&bundle_name(&issuer), &DeleteParams::default())
        .await?;
    killed
        .reaches("published", &[(1, Active), (2, Published)])
        .await?;
    let operator = killed.restart(operator).await?;
    killed
        .reaches("taken over", &[(1, Old), (2, Active)])
        .await?;
    let operator = killed.restart(operator).await?;
    let after = test.obtain(&issuer).await?;
    ensure!(after.issuer()?.public_key() != before.issuer()?.public_key());
    ensure!(
        after.roots.len() == 2,
        "the old root stays: {:?}",
        after.roots
    );

    let operator = killed.revokes(operator).await?;
    killed.has_created_once(&[&first, &second]).await?;
    stop(operator).await
}

fn key(secret: &str) -> Value {
    json!({ "software": { "secretName": secret } })
}

fn bundle_name(issuer: &IssuerRef) -> String {
    format!("clusterissuer-{}-bundle", issuer.name)
}

struct Killed<'a> {
    bed: &'a OwnBed,
    test: &'a TestNamespace,
    issuer: &'a IssuerRef,
}

impl Killed<'_> {
    async fn restart(&self, operator: Operator) -> Result<Operator> {
        operator.kill()?;
        self.bed.start_operator(&SHORT_LEASE).await
    }

    /// Waits until each of these generations is in its state, and there are no others.
    async fn reaches(&self, what: &str, wanted: &[(u32, GenerationState)]) -> Result<IssuerStatus> {
        let holds = |status: &IssuerStatus| {
            let ca = status.ca.iter();
            let mut states: Vec<_> = ca.map(|one| (one.generation, one.state)).collect();
            states.sort_by_key(|(number, _)| *number);
            states == wanted
        };
        self.test.wait_for_status(self.issuer, what, holds).await
    }

    async fn revokes(&self, operator: Operator) -> Result<Operator> {
        let (killed, test) = (self, self.test);
        let old = killed.generation(1).await?.key_fingerprint;
        test.patch_issuer(killed.issuer, json!({ "rotation": { "revoked": [old] } }))
            .await?;
        killed
            .reaches("revoked", &[(1, Revoked), (2, Active)])
            .await?;
        let operator = killed.restart(operator).await?;
        killed
            .reaches("still revoked", &[(1, Revoked), (2, Active)])
            .await?;
        let last = test.obtain(killed.issuer).await?;
        ensure!(
            last.roots.len() == 1,
            "the revoked root has left: {:?}",
            last.roots
        );
        Ok(operator)
    }

    async fn generation(&self, number: u32) -> Result<CaSummary> {
        let api: Api<Object> = Api::all(self.bed.client());
        let ca = api
            .get(&self.issuer.name)
            .await?
            .status
            .map(|status| status.ca);
        let found = ca.into_iter().flatten().find(|ca| ca.generation == number);
        found.context("it is in the status")
    }

    /// Replaces the bundle's object while no operator runs.
    async fn put_a_foreign_bundle(&self) -> Result<Api<ConfigMap>> {
        let api: Api<ConfigMap> = self.test.cluster_resources();
        let name = bundle_name(self.issuer);
        api.delete(&name, &DeleteParams::default()).await?;
        let foreign = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": name }, "data": { "other": "text" },
        }))?;
        api.create(&PostParams::default(), &foreign).await?;
        Ok(api)
    }

    /// A process that was killed left nothing half-made, and the next made nothing twice.
    async fn has_created_once(&self, secrets: &[&String]) -> Result<()> {
        let generations: Api<CAGeneration> = self.test.cluster_resources();
        let found = generations.list(&ListParams::default()).await?.items;
        let own = found
            .iter()
            .filter(|one| one.spec.issuer_ref.name == self.issuer.name);
        let keys: Vec<_> = own
            .map(|one| (one.spec.generation, &one.spec.key.fingerprint))
            .collect();
        ensure!(keys.len() == secrets.len(), "{keys:?}");
        let all: Api<Secret> = self.test.cluster_resources();
        for secret in secrets {
            all.get(secret).await?;
        }
        Ok(())
    }
}
