//! istiod with the CA of a MeshCA, which it loads while it runs.

mod clock;
mod key;
mod killed;
mod migration;
mod roots;
mod skipped;

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context, Result};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use signet_e2e::mesh::{Form, Mesh, MeshOptions};
use signet_e2e::mesh_ca::{Rights, below};
use signet_e2e::verify::Certificate;
use signet_e2e::{IssuerRef, TestNamespace};
use signet_testbed::istio::{AgentKey, Istiod, Workload};
use signet_testbed::wait::{Observation, until};

pub(crate) fn tests() -> Vec<Trial> {
    let tests = [
        // On a control plane of its own, whose operator it kills.
        own![killed::workloads_get_certificates_through_every_rotation],
        clock::tests(),
        roots::tests(),
        skipped::tests(),
        migration::tests(),
        key::tests(),
    ];
    tests.into_iter().flatten().collect()
}

/// Between two looks of the kubelet; a real one takes a minute.
const SYNC: Duration = Duration::from_secs(1);

/// Values of istiod's chart with which it loads changed roots.
fn multiroot() -> Value {
    json!({ "env": { "ISTIO_MULTIROOT_MESH": "true" } })
}

fn options(values: Value) -> MeshOptions {
    MeshOptions {
        trust_domain: "cluster.local".to_owned(),
        values,
    }
}

/// Creates the MeshCA of a mesh that has so long to load what was written. cert-manager's approver
/// approves its requests. Below the CA that it adopts, the next one signs when the test says so.
async fn create(
    test: &TestNamespace,
    above: &IssuerRef,
    (propagation, adopt): (&str, bool),
) -> Result<IssuerRef> {
    test.prepare_mesh(Rights::ISTIO).await?;
    let mut spec = below(above, json!({ "istio": {} }));
    spec["propagation"] = json!(propagation);
    if adopt {
        spec["adopt"] = json!(true);
        spec["rotation"] = json!({ "activation": "Manual" });
    }
    Ok(test.create_mesh_ca(spec).await?)
}

/// Delivers what is written to istiod, as a kubelet does, for as long as this takes.
async fn with_kubelet<T>(mesh: &Mesh<'_>, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        ended = deliver(mesh.istiod()) => ended.map(|never| match never {}),
    }
}

async fn deliver(istiod: &Istiod) -> Result<Infallible> {
    loop {
        istiod.sync_volumes().await?;
        tokio::time::sleep(SYNC).await;
    }
}

/// The identifier of the key that signed a workload's certificate.
fn signer(workload: &Workload) -> Result<Vec<u8>> {
    let chain = Certificate::read_pem(&workload.chain())?;
    let leaf = chain.first().context("there is a leaf")?;
    leaf.authority_key_identifier()
        .context("a leaf names its issuer's key")
}

/// A certificate of istiod for an account, once another key signs than this workload's.
async fn signed_by_another(
    mesh: &Mesh<'_>,
    account: &str,
    before: &Workload,
    roots: &str,
) -> Result<Workload> {
    let old = signer(before)?;
    let form = Form::of(AgentKey::P256);
    let observe = async || {
        let after = mesh.workload(account, form, roots).await?;
        Ok(match signer(&after)? == old {
            false => Observation::Reached(after),
            true => Observation::Progress("the old CA signs"),
        })
    };
    until("istiod to sign with another key", observe).await
}

/// Asks for another key of the mesh's CA.
async fn rotate(test: &TestNamespace, mesh_ca: &IssuerRef) -> Result<()> {
    let change = json!({ "rotation": { "requestID": "another-key" } });
    Ok(test.patch_issuer(mesh_ca, change).await?)
}
