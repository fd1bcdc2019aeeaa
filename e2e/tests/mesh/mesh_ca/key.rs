//! The first CA, a renewal and another key, all under one root.

use anyhow::{Result, ensure};
use serde_json::json;
use signet_e2e::mesh::{Form, Mesh, serving_certificate};
use signet_e2e::mesh_ca::{CACERTS, CERTIFICATE, Entries, Files, UPDATED};
use signet_e2e::verify::Certificate;
use signet_e2e::{IssuerRef, TestNamespace};
use signet_testbed::istio::{AgentKey, Workload};
use signet_testbed::wait::{Observation, until};

use super::{create, options, rotate, signed_by_another, signer, with_kubelet};

shared![workloads_connect_through_a_renewal_and_another_key];

/// Whether this CA is the one that istiod's own certificate is from.
async fn serves(mesh: &Mesh<'_>, ca: &Certificate) -> Result<()> {
    let own = ca.subject_key_identifier();
    let observe = async || {
        let shown = serving_certificate(mesh.istiod()).await?;
        let is_it = shown.authority_key_identifier() == own;
        Ok(Observation::reached_if(is_it, "it is from another CA"))
    };
    until("istiod to serve a certificate of its CA", observe).await
}

/// A certificate of istiod for an account, once this CA certificate is above it.
pub(super) async fn signed_by(
    mesh: &Mesh<'_>,
    (account, key): (&str, AgentKey),
    ca: &Certificate,
    roots: &str,
) -> Result<Workload> {
    let observe = async || {
        let workload = mesh.workload(account, Form::of(key), roots).await?;
        let chain = Certificate::read_pem(&workload.chain())?;
        Ok(match chain.get(1) == Some(ca) {
            true => Observation::Reached(workload),
            false => Observation::Progress("another CA certificate is above it"),
        })
    };
    until("istiod to sign with what was written", observe).await
}

/// The MeshCA is there before istiod first starts. Nothing restarts it.
async fn workloads_connect_through_a_renewal_and_another_key(test: &TestNamespace) -> Result<()> {
    let above = test.issuer_above().await?;
    let mesh_ca = create(test, &above, ("5s", false)).await?;
    test.wait_until_ready(&mesh_ca).await?;
    let mesh = Mesh::start(test, options(json!({}))).await?;
    let roots = test.bundle(&above).await?;
    with_kubelet(&mesh, async {
        let files = Files::of_istio(&test.entries(CACERTS).await?)?;
        let account = ("orders", AgentKey::Rsa);
        let orders = signed_by(&mesh, account, files.ca()?, &roots).await?;
        let trusted = Certificate::read_pem(orders.roots())?;
        ensure!(trusted == Certificate::read_pem(&roots)?, "it is Signet's");

        let renewed = renew(test, &mesh_ca).await?;
        let account = ("payments", AgentKey::P256);
        let payments = signed_by(&mesh, account, renewed.ca()?, &roots).await?;
        ensure!(signer(&payments)? == signer(&orders)?, "the key stays");
        let workloads = mesh.workloads();
        let pair = (("orders", &orders), ("payments", &payments));
        workloads.connect(pair.0, pair.1).await?;

        rotate(test, &mesh_ca).await?;
        let catalog = signed_by_another(&mesh, "catalog", &orders, &roots).await?;
        for earlier in [pair.0, pair.1] {
            workloads.connect(earlier, ("catalog", &catalog)).await?;
        }
        let files = Files::of_istio(&test.entries(CACERTS).await?)?;
        serves(&mesh, files.ca()?).await?;
        test.wait_for_mesh(&mesh_ca, UPDATED).await.map(drop)
    })
    .await
}

/// Asks for another certificate for the same key.
async fn renew(test: &TestNamespace, mesh_ca: &IssuerRef) -> Result<Files> {
    let before = test.entries(CACERTS).await?;
    let longer = json!({ "certificate": { "issuerRef": { "duration": "72h" } } });
    test.patch_issuer(mesh_ca, longer).await?;
    let is_new = |now: &Entries| now[CERTIFICATE] != before[CERTIFICATE];
    let after = test.wait_for_entries(CACERTS, "renewed", is_new).await?;
    Files::of_istio(&after)
}
