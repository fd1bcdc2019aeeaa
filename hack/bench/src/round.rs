//! One contender, measured once.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use futures::future::try_join_all;
use kube::Client;
use serde::Serialize;

use crate::REQUESTS;
use crate::driver::Driver;
use crate::observe::Observer;
use crate::process;

/// Requests per second at the steady rate.
const RATE: u32 = 40;

/// Numbers of requests.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Sizes {
    /// Requests in the burst.
    #[arg(long, hide = true, default_value_t = 2000)]
    burst: usize,
    /// Requests at the steady rate.
    #[arg(long, hide = true, default_value_t = 4000)]
    steady: usize,
}

/// What was measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Figures {
    /// Certificates per second in the burst, from the first approval until all are Ready.
    pub(crate) rate: f64,
    /// From Approved to Ready at the steady rate, as a watcher sees it, in milliseconds.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// CPU seconds of the signer for 1,000 certificates, in the burst and at the steady rate.
    pub(crate) cpu_burst: Option<f64>,
    pub(crate) cpu_steady: Option<f64>,
    /// Peak memory of the signer, in MB.
    pub(crate) memory_mb: Option<f64>,
    /// Writes to CertificateRequests and Events for a certificate, without approval and creation.
    pub(crate) writes: f64,
}

/// Measures the signer of a driver's requests, the process `pid`.
pub(crate) async fn measure(
    client: &Client,
    driver: &Driver,
    pid: Option<u32>,
    sizes: Sizes,
) -> Result<Figures> {
    let names = driver.create("burst", sizes.burst).await?;
    let mut observer = Observer::start(client, REQUESTS).await?;
    let cpu_before = cpu(pid)?;
    let writes_before = process::writes(client).await?;
    let started = Instant::now();
    driver.approve_all(names).await?;
    observer.wait_for(sizes.burst).await?;
    let rate = count(sizes.burst) / started.elapsed().as_secs_f64();
    let writes = process::writes(client).await? - writes_before;
    let cpu_burst = per_thousand(cpu_before, cpu(pid)?, sizes.burst);
    drop(observer);
    driver.clear().await?;
    let cpu_before = cpu(pid)?;
    let delays = steady(client, driver, sizes.steady).await?;
    let cpu_steady = per_thousand(cpu_before, cpu(pid)?, sizes.steady);
    let memory_mb = pid.map(process::peak_memory).transpose()?;
    driver.clear().await?;
    Ok(Figures {
        rate,
        p50_ms: quantile(&delays, 0.50),
        p99_ms: quantile(&delays, 0.99),
        cpu_burst,
        cpu_steady,
        memory_mb,
        // The driver's approval is one.
        writes: writes / count(sizes.burst) - 1.0,
    })
}

/// Approves at a steady rate and returns the delays that a watcher saw.
async fn steady(client: &Client, driver: &Driver, requests: usize) -> Result<Vec<f64>> {
    let names = driver.create("steady", requests).await?;
    let mut observer = Observer::start(client, REQUESTS).await?;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    let mut approvals = Vec::with_capacity(requests);
    for name in names {
        ticks.tick().await;
        let driver = driver.clone();
        approvals.push(tokio::spawn(async move { driver.approve(&name).await }));
    }
    for approved in try_join_all(approvals).await? {
        approved?;
    }
    observer.wait_for(requests).await?;
    Ok(observer.delays())
}

fn cpu(pid: Option<u32>) -> Result<Option<f64>> {
    pid.map(process::cpu_seconds).transpose()
}

fn per_thousand(before: Option<f64>, after: Option<f64>, certificates: usize) -> Option<f64> {
    Some((after? - before?) * 1000.0 / count(certificates))
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a list of a few hundred"
    )]
    let index = (count(sorted.len()) * share) as usize;
    sorted
        .get(index.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}

pub(crate) fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let hundred: Vec<_> = (0..100).map(f64::from).collect();
        for (values, share, expected) in [
            (&hundred[..], 0.50, 50.0),
            (&hundred, 0.99, 99.0),
            (&hundred, 0.0, 0.0),
            (&hundred, 1.0, 99.0),
            (&hundred[..1], 0.99, 0.0),
            (&hundred[..2], 0.50, 1.0),
        ] {
            let found = quantile(values, share);
            assert!((found - expected).abs() < 1e-9, "{share}: {found}");
        }
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn cpu_is_per_thousand_certificates() {
        for (before, after, certificates, expected) in [
            (Some(1.0), Some(5.0), 2000, Some(2.0)),
            (Some(1.0), Some(1.0), 800, Some(0.0)),
            (None, Some(5.0), 2000, None),
            (Some(1.0), None, 2000, None),
        ] {
            assert_eq!(per_thousand(before, after, certificates), expected);
        }
    }
}
