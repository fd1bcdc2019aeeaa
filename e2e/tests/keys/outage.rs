//! A backend that is away for half a minute in the middle of many requests.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::TestNamespace;
use signet_e2e::keys::{self, Away, Shared};

use crate::burst::{BEFORE, Burst, COUNT, OUTAGE};

shared![
    vault_is_away_for_30_s_in_500_requests,
    aws_kms_is_away_for_30_s_in_500_requests,
    pkcs11_is_away_for_30_s_in_500_requests,
];

async fn vault_is_away_for_30_s_in_500_requests(test: &TestNamespace) -> Result<()> {
    outage(test, keys::vault().await?, Away::Gone).await
}

/// Half open: connections are taken, and nothing comes back.
async fn aws_kms_is_away_for_30_s_in_500_requests(test: &TestNamespace) -> Result<()> {
    outage(test, keys::kms().await?, Away::Hung).await
}

async fn pkcs11_is_away_for_30_s_in_500_requests(test: &TestNamespace) -> Result<()> {
    outage(test, keys::token("outage").await?, Away::Gone).await
}

async fn outage(test: &TestNamespace, key: Shared, how: Away) -> Result<()> {
    let issuer = test.issuer_over(ClusterIssuer, "outage", &*key).await?;
    let mut burst = Burst::new(test, &issuer);
    burst.ask(0..BEFORE).await?;
    burst.issued(BEFORE / 2).await?;
    keys::at(&key, move |key| key.take_away(how)).await?;
    let back = Instant::now() + OUTAGE;
    burst.ask(BEFORE..COUNT).await?;
    tokio::time::sleep_until(back.into()).await;
    let before = burst.count_issued();
    ensure!(before <= BEFORE, "what is asked for meanwhile waits");

    keys::at(&key, |key| key.bring_back()).await?;
    let back = Instant::now();
    let last = burst.all_issued().await?.saturating_duration_since(back);
    // Where the harness of the tests lets nothing of a test that passes through.
    let _ = writeln!(
        std::io::stdout(),
        "{}: {} of {COUNT} waited for {} s; the last one was issued {:.1} s after it came back",
        Arc::clone(&key).backend(),
        COUNT - before,
        OUTAGE.as_secs(),
        last.as_secs_f64(),
    );
    burst.check().await
}
