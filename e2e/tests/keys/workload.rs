//! The whole path from a key in an HSM to what is below it: a workload, by SPIRE's server and agent
//! and the Workload API, and the CA of a mesh.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::keys::{self, RemoteKey, TokenKey};
use signet_e2e::mesh_ca::{CACERTS, CERTIFICATE, Entries, Files, Rights, UPDATED, below};
use signet_e2e::runtime::blocking;
use signet_e2e::spire::Spire;
use signet_e2e::verify::Certificate;
use signet_e2e::{IssuerRef, TestNamespace};

shared![
    a_workload_has_an_svid_below_the_key_of_an_hsm,
    a_mesh_has_its_ca_and_the_next_one_below_the_key_of_an_hsm,
];

/// The issuer of docs/meshes/spire.md, with a self-signed root over the key.
async fn issuer_over(test: &TestNamespace, key: &dyn RemoteKey) -> Result<IssuerRef> {
    let issuer = test.issuer_ref(ClusterIssuer, "spire");
    test.put_credential(&issuer, key).await?;
    let spec = test.spec_over(&issuer, key, json!({ "selfSigned": {} }));
    let spec = test.spec_for_spire(spec, "SpireUpstream", 0);
    test.issuer(ClusterIssuer, "spire", spec).await
}

/// What the workload gets ends at the key that the HSM's own tool returns, and nothing else is
/// trusted.
async fn a_workload_has_an_svid_below_the_key_of_an_hsm(test: &TestNamespace) -> Result<()> {
    const WORKLOAD: &str = "orders";
    let key = keys::token("steady").await?;
    let issuer = issuer_over(test, &*key).await?;
    let spire = Spire::start(test, "spire", test.spire_upstream(&issuer).await?).await?;
    let svid = spire.svid(WORKLOAD).await?;

    let roots = Certificate::read_pem(&svid.bundle)?;
    let [root] = &roots[..] else {
        anyhow::bail!("one root is trusted: {}", svid.bundle)
    };
    spire.check(&svid, WORKLOAD, &svid.bundle)?;
    let chain = Certificate::read_pem(&svid.chain)?;
    let server = chain.get(1).context("the server's CA is above the leaf")?;
    ensure!(chain.len() == 2, "{}", svid.chain);
    is_signed_by(key, root, server).await?;
    spire.check_jwt_svid(WORKLOAD, &spire).await
}

/// The key of the mesh's CA is in a Secret, and the one above stays in the HSM.
async fn a_mesh_has_its_ca_and_the_next_one_below_the_key_of_an_hsm(
    test: &TestNamespace,
) -> Result<()> {
    let key = keys::token("steady").await?;
    let above = test.issuer_ref(ClusterIssuer, "above");
    test.put_credential(&above, &*key).await?;
    let mut spec = test.spec_over(&above, &*key, json!({ "selfSigned": {} }));
    spec["profile"] = json!({ "ca": { "pathLength": 1 } });
    let above = test.issuer(ClusterIssuer, "above", spec).await?;
    test.prepare_mesh(Rights::ISTIO).await?;
    let spec = below(&above, json!({ "istio": {} }));
    let mesh_ca = test.create_mesh_ca(spec).await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;
    let first = test.entries(CACERTS).await?;
    Files::of_istio(&first)?.check()?;

    let another_key = json!({ "rotation": { "requestID": "another-key" } });
    test.patch_issuer(&mesh_ca, another_key).await?;
    let is_new = |now: &Entries| now[CERTIFICATE] != first[CERTIFICATE];
    let next = test.wait_for_entries(CACERTS, "rotated", is_new).await?;
    let files = Files::of_istio(&next)?;
    files.check()?;
    let roots = Certificate::read_pem(&test.bundle(&above).await?)?;
    let root = roots.first().context("the issuer has a root")?;
    is_signed_by(key, root, files.ca()?).await
}

/// Requires that the key of the HSM is the root's, and that the root is right above a CA.
async fn is_signed_by(key: Arc<TokenKey>, root: &Certificate, ca: &Certificate) -> Result<()> {
    let public = blocking(move || key.public_key()).await?;
    ensure!(root.public_key() == public, "the HSM has the root's key");
    ensure!(
        ca.authority_key_identifier() == root.subject_key_identifier(),
        "the HSM's key signed the CA"
    );
    Ok(())
}
