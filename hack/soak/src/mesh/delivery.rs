//! The kubelet, which delivers late what was written.

use std::time::Duration;

use anyhow::Result;
use signet_testbed::istio::Istiod;

/// Brings istiod's files up to date after each of these times in turn, without an end. What is
/// overwritten meanwhile is never delivered.
pub(super) async fn deliver(istiod: &Istiod, late: &[Duration]) -> Result<()> {
    for late in late.iter().cycle() {
        tokio::time::sleep(*late).await;
        istiod.sync_volumes().await?;
    }
    Ok(())
}
