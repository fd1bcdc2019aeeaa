//! The plugin UpstreamAuthority "cert-manager": the server requests its CA from Signet.

use anyhow::{Context, Result, ensure};
use kube::api::ListParams;
use serde_json::json;
use signet_api::external::certificate_request::CertificateRequest;
use signet_e2e::TestNamespace;
use signet_e2e::spire::Spire;
use signet_e2e::verify::Certificate;
use signet_testbed::wait::{Observation, until};

use super::{Phases, bundle_of, issuer};

shared![workloads_connect_through_a_rotation_of_the_root];

/// The plugin deletes each of its requests.
async fn no_request_is_left(test: &TestNamespace) -> Result<()> {
    let requests = test.api::<CertificateRequest>();
    let observe = async || {
        let left = requests.list(&ListParams::default()).await?.items.len();
        Ok(Observation::reached_if(left == 0, left))
    };
    until("the server to delete its requests", observe).await
}

/// In each phase, the workloads of that phase and of the one before connect.
async fn workloads_connect_through_a_rotation_of_the_root(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test, "SpireUpstream", 0).await?;
    let upstream = test.spire_upstream(&issuer).await?;
    let spire = Spire::start(test, "spire", upstream).await?;
    no_request_is_left(test).await?;
    let (mut phases, old) = (Phases::of(&spire), test.bundle(&issuer).await?);
    phases.next("before", (&old, &old)).await?;
    spire.check_jwt_svid("before", &spire).await?;

    let old_key = test.prepare_another_root(&issuer).await?;
    let both = bundle_of(test, &issuer, 2).await?;
    spire.rotate_ca().await?;
    phases.next("appended", (&old, &both)).await?;

    test.activate_second(&issuer).await?;
    spire.rotate_ca().await?;
    let after = phases.next("after", (&both, &both)).await?;

    let revoked = json!({ "rotation": { "revoked": [old_key] } });
    test.patch_issuer(&issuer, revoked).await?;
    let new = bundle_of(test, &issuer, 1).await?;
    spire.check(&after, "after", &new)?;
    forgets(&spire, &old, &new).await?;
    phases.next("last", (&new, &new)).await?;
    no_request_is_left(test).await
}

/// The server trusts a root until it has expired, unless its operator says otherwise: first the agent
/// is told to renew what is below it, then it is removed.
async fn forgets(spire: &Spire<'_>, old: &str, new: &str) -> Result<()> {
    let root = Certificate::read_pem(old)?;
    let root = root.first().context("there is a root")?;
    let id = root.subject_key_identifier().context("a root has an SKI")?;
    let id = hex::encode(id);
    let command = |step| ["upstreamauthority", step, "-subjectKeyID", &id];
    let server = spire.server();
    ensure!(spire.roots().await?.contains(root), "it is kept");
    let serial = server.agent_serial().await?;
    server.run(&command("taint")).await?;
    let observe = async || {
        let is_new = server.agent_serial().await? != serial;
        Ok(Observation::reached_if(is_new, "it has the same"))
    };
    until("the agent to renew its own certificate", observe).await?;
    spire.renewed("before", new).await?;
    server.run(&command("revoke")).await?;
    ensure!(!spire.roots().await?.contains(root), "it was removed");
    Ok(())
}
