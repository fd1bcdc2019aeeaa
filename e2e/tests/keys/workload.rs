//! The whole path from a key in an HSM to a workload: Signet, SPIRE's server and agent, and the
//! Workload API.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::keys::{self, RemoteKey};
use signet_e2e::runtime::blocking;
use signet_e2e::spire::Spire;
use signet_e2e::verify::Certificate;
use signet_e2e::{IssuerRef, TestNamespace};

shared![a_workload_has_an_svid_below_the_key_of_an_hsm];

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
    let public = blocking(move || key.public_key()).await?;
    ensure!(root.public_key() == public, "the HSM has the root's key");
    spire.check(&svid, WORKLOAD, &svid.bundle)?;
    let chain = Certificate::read_pem(&svid.chain)?;
    let server = chain.get(1).context("the server's CA is above the leaf")?;
    ensure!(chain.len() == 2, "{}", svid.chain);
    ensure!(
        server.authority_key_identifier() == root.subject_key_identifier(),
        "the HSM's key signed the server's CA"
    );
    spire.check_jwt_svid(WORKLOAD, &spire).await
}
