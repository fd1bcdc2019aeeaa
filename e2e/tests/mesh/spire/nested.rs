//! A server below another one, whose CA is from Signet.

use anyhow::{Result, ensure};
use serde_json::json;
use signet_e2e::TestNamespace;
use signet_e2e::spire::Spire;
use signet_e2e::verify::Certificate;
use signet_testbed::spire::Svid;
use signet_testbed::wait::{Observation, until};

use super::{Phases, bundle_of, issuer};

shared![workloads_of_a_nested_server_connect_through_a_rotation_of_the_root];

/// The certificates that a workload presents: its own, and those of both servers.
fn is_below_both(svid: &Svid) -> Result<()> {
    let chain = Certificate::read_pem(&svid.chain)?;
    ensure!(chain.len() == 3, "{}", svid.chain);
    Ok(())
}

/// The nested server asks the one above for its roots every few seconds.
async fn knows(spire: &Spire<'_>, count: usize) -> Result<()> {
    let observe = async || {
        let found = spire.roots().await?.len();
        Ok(Observation::reached_if(found == count, found))
    };
    until("the nested server to know the roots", observe).await
}

async fn workloads_of_a_nested_server_connect_through_a_rotation_of_the_root(
    test: &TestNamespace,
) -> Result<()> {
    let issuer = issuer(test, "SpireNested", 1).await?;
    let top = test.spire_upstream(&issuer).await?;
    let top = Spire::start(test, "top", top).await?;
    let nested = Spire::start(test, "nested", top.upstream("nested").await?).await?;
    let (mut phases, old) = (Phases::of(&nested), test.bundle(&issuer).await?);
    let before = phases.next("before", (&old, &old)).await?;
    is_below_both(&before)?;
    // The one above serves the keys of those below.
    nested.check_jwt_svid("before", &top).await?;

    let old_key = test.prepare_another_root(&issuer).await?;
    let both = bundle_of(test, &issuer, 2).await?;
    top.rotate_ca().await?;
    knows(&nested, 2).await?;
    nested.rotate_ca().await?;
    phases.next("appended", (&old, &both)).await?;

    test.activate_second(&issuer).await?;
    top.rotate_ca().await?;
    nested.rotate_ca().await?;
    let after = phases.next("after", (&both, &both)).await?;
    is_below_both(&after)?;
    let is_old = nested.check(&after, "after", &old);
    ensure!(is_old.is_err(), "it is below the old root");

    let revoked = json!({ "rotation": { "revoked": [old_key] } });
    test.patch_issuer(&issuer, revoked).await?;
    let new = bundle_of(test, &issuer, 1).await?;
    nested.check(&after, "after", &new)?;
    top.rotate_ca().await?;
    nested.rotate_ca().await?;
    // Both servers trust a root until it has expired.
    let removed = phases.next("removed", (&new, &both)).await?;
    is_below_both(&removed)
}
