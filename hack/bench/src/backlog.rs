//! Requests that wait while no operator runs, and one that arrives while they are signed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use kube::api::ListParams;
use kube::{Api, Client};
use serde::Serialize;
use signet_api::external::certificate_request::CertificateRequest;
use signet_testbed::controlplane::apply_manifests;

use crate::bed::Bed;
use crate::driver::{Driver, PAGE};
use crate::observe::Observer;
use crate::round::count;
use crate::{OTHERS, REQUESTS, SIGNET, process};

/// How long a backlog may take.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// What was measured of one backlog.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Figures {
    /// Requests that waited.
    pub(crate) requests: usize,
    /// Certificates per second, from the start of the operator until all are issued.
    pub(crate) rate: f64,
    /// CPU seconds of the operator for 1,000 certificates, its start included.
    pub(crate) cpu: f64,
    /// From the start of the operator to the first certificate, in seconds.
    pub(crate) first: f64,
    /// One listing of the requests by the benchmark's own client, in seconds.
    pub(crate) listing: f64,
    /// From Approved to Ready of a request in another namespace, in milliseconds: with the backlog
    /// half done, and after it.
    pub(crate) other_during_ms: f64,
    pub(crate) other_after_ms: f64,
    /// Peak memory of the operator, in MB.
    pub(crate) memory_mb: f64,
}

impl Figures {
    /// The longest time to the first certificate: one and a half listings, and 2 s for the start.
    pub(crate) fn goal(&self) -> f64 {
        1.5f64.mul_add(self.listing, 2.0)
    }
}

/// Makes a backlog of this size, starts an operator, and measures until all are issued.
pub(crate) async fn measure(bed: &mut Bed, requests: usize) -> Result<Figures> {
    let others = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {OTHERS}}}");
    apply_manifests(&bed.client, OTHERS, &others).await?;
    let driver = bed.driver(SIGNET);
    let other = driver.in_namespace(bed.client.clone(), OTHERS);
    driver.clear().await?;
    other.clear().await?;
    // Ends cert-manager, which would approve the requests, and has the issuer ready at the next start.
    bed.start(SIGNET, &[]).await?.stop().await?;
    let names = driver.create("backlog", requests).await?;
    driver.approve_all(names).await?;
    let listing = time_listing(&bed.client).await?;
    let mut observer = Observer::start(&bed.client, REQUESTS).await?;

    let started = Instant::now();
    let running = bed.start(SIGNET, &[]).await?;
    let pid = running.pid.context("the operator has a process")?;
    observer.wait_longer(requests / 2, TIMEOUT).await?;
    // The operator signs before it is ready, which it is once it has listed all.
    let first = observer.first().context("half of them are Ready")?;
    let first = first.duration_since(started).as_secs_f64();
    let other_during_ms = one(&bed.client, &other, "during").await?;
    observer.wait_longer(requests, TIMEOUT).await?;
    let rate = count(requests) / started.elapsed().as_secs_f64();
    let cpu = process::cpu_seconds(pid)? * 1000.0 / count(requests);
    let other_after_ms = one(&bed.client, &other, "after").await?;
    let memory_mb = process::peak_memory(pid)?;
    running.stop().await?;
    Ok(Figures {
        requests,
        rate,
        cpu,
        first,
        listing,
        other_during_ms,
        other_after_ms,
        memory_mb,
    })
}

/// From Approved to Ready of one request in the other namespace, in milliseconds.
async fn one(client: &Client, driver: &Driver, name: &str) -> Result<f64> {
    let mut observer = Observer::start(client, OTHERS).await?;
    let before = observer.ready();
    let names = driver.create(name, 1).await?;
    driver.approve_all(names).await?;
    observer.wait_for(before + 1).await?;
    let delay = observer.delay(&format!("{name}-0"));
    delay.context("it was approved and became Ready")
}

async fn time_listing(client: &Client) -> Result<f64> {
    let api: Api<CertificateRequest> = Api::namespaced(client.clone(), REQUESTS);
    let started = Instant::now();
    let mut pages = ListParams::default().limit(PAGE);
    loop {
        let page = api.list(&pages).await?;
        match page.metadata.continue_.filter(|it| !it.is_empty()) {
            Some(next) => pages.continue_token = Some(next),
            None => return Ok(started.elapsed().as_secs_f64()),
        }
    }
}
