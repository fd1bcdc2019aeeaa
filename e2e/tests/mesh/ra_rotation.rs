//! Workloads of istiod as an RA, in a trust domain, while the CA above them is renewed and its root
//! replaced.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use signet_api::IssuerKind::ClusterIssuer;
use signet_api::{GenerationState, IssuerStatus};
use signet_e2e::mesh::{Form, Mesh, MeshOptions};
use signet_e2e::verify::Certificate;
use signet_e2e::{IssuerRef, TestNamespace, spec};
use signet_testbed::istio::{AgentKey, Workload};

use crate::ra::{ROOT_SECRET, values_with_root_secret};
use crate::ra_trust_domain::{TRUST_DOMAIN, in_trust_domain};

shared![
    workloads_connect_through_a_rotation_of_the_root,
    workloads_connect_through_a_renewal_of_the_ca,
];

fn signs(status: &IssuerStatus, generation: u32) -> bool {
    let current = status.ca.first();
    current.is_some_and(|ca| ca.generation == generation && ca.state == GenerationState::Active)
}

fn roots(status: &IssuerStatus) -> usize {
    let bundle = status.bundle.as_deref().unwrap_or_default();
    bundle.matches("BEGIN CERTIFICATE").count()
}

/// istiod as an RA, with the root in the Secret that it reads when it starts.
async fn start<'a>(test: &'a TestNamespace, signer: &IssuerRef, roots: &str) -> Result<Mesh<'a>> {
    test.put_own_secret(ROOT_SECRET, &[("root-cert.pem", roots)])
        .await?;
    let options = MeshOptions {
        trust_domain: TRUST_DOMAIN.to_owned(),
        values: values_with_root_secret(signer, roots),
    };
    Mesh::start(test, options).await
}

/// Identifies the key of the CA that signed a workload's certificate.
fn issuer(workload: &Workload) -> Result<Vec<u8>> {
    let chain = Certificate::read_pem(&workload.chain())?;
    let leaf = chain.first().context("there is a leaf")?;
    leaf.authority_key_identifier()
        .context("a leaf names its issuer's key")
}

/// istiod is restarted with both roots before the new CA signs. Workloads that got their certificates
/// after that connect with those that are issued under the new root.
async fn workloads_connect_through_a_rotation_of_the_root(test: &TestNamespace) -> Result<()> {
    let mut mesh_ca = spec::self_signed(&test.unique("mesh"));
    mesh_ca["rotation"] = json!({ "activation": "Manual" });
    let mesh_ca = in_trust_domain(test, mesh_ca);
    let signer = test.issuer(ClusterIssuer, "mesh", mesh_ca).await?;
    let old = test.bundle(&signer).await?;
    let mut mesh = start(test, &signer, &old).await?;
    let form = Form::of(AgentKey::P256);
    let before = mesh.workload("orders", form, &old).await?;

    let change = json!({
        "key": { "software": { "secretName": test.unique("mesh-2") } },
        "rotation": { "requestID": "2" },
    });
    test.patch_issuer(&signer, change).await?;
    let published = |status: &IssuerStatus| signs(status, 1) && roots(status) == 2;
    let status = test
        .wait_for_status(&signer, "published", published)
        .await?;
    let both = status.bundle.clone().context("there is a bundle")?;
    test.put_own_secret(ROOT_SECRET, &[("root-cert.pem", &both)])
        .await?;
    mesh.configure(values_with_root_secret(&signer, &both))
        .await?;
    mesh.restart().await?;
    let between = mesh.workload("payments", form, &both).await?;
    ensure!(issuer(&between)? == issuer(&before)?, "the first one signs");
    let trusted = Certificate::read_pem(between.roots())?;
    ensure!(trusted == Certificate::read_pem(&both)?, "both are trusted");

    let next = status.ca.iter().find(|ca| ca.generation == 2);
    let next = next.context("there is a next CA")?.fingerprint.clone();
    let activate = json!({ "rotation": { "activate": next } });
    test.patch_issuer(&signer, activate).await?;
    test.wait_for_status(&signer, "activated", |status| signs(status, 2))
        .await?;
    let after = mesh.workload("catalog", form, &both).await?;
    ensure!(issuer(&after)? != issuer(&before)?, "the second one signs");
    mesh.workloads()
        .connect(("payments", &between), ("catalog", &after))
        .await
}

/// The CA under another issuer's root is renewed: another key signs, and nothing else changes, for
/// workloads and for istiod.
async fn workloads_connect_through_a_renewal_of_the_ca(test: &TestNamespace) -> Result<()> {
    let root = spec::with_ca_profile(&test.unique("root"), 1);
    let root = test.issuer(ClusterIssuer, "root", root).await?;
    let below = json!({
        "key": { "software": { "secretName": test.unique("mesh") } },
        "certificate": { "issuerRef": root.reference() },
        "rotation": { "activationDelay": "1s" },
    });
    let below = in_trust_domain(test, below);
    let signer = test.issuer(ClusterIssuer, "mesh", below).await?;
    let roots = test.bundle(&signer).await?;
    let mesh = start(test, &signer, &roots).await?;
    let form = Form::of(AgentKey::Rsa);
    let before = mesh.workload("orders", form, &roots).await?;
    let change = json!({
        "key": { "software": { "secretName": test.unique("mesh-2") } },
        "rotation": { "requestID": "2" },
    });
    test.patch_issuer(&signer, change).await?;
    test.wait_for_status(&signer, "renewed", |status| signs(status, 2))
        .await?;
    let after = mesh.workload("payments", form, &roots).await?;
    ensure!(issuer(&after)? != issuer(&before)?, "another key signs");
    mesh.workloads()
        .connect(("orders", &before), ("payments", &after))
        .await
}
