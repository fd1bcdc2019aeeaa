//! CPU time and memory of a process, as Linux counts them; writes, as the API server counts them.

use std::fs;

use anyhow::{Context, Result};
use kube::Client;

/// Kernel ticks per second: USER_HZ, which is 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// User and system time of a process so far, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat
        .rsplit_once(')')
        .context("/proc/PID/stat has no command")?;
    let fields: Vec<_> = fields.split_whitespace().collect();
    let ticks = |index: usize| -> Result<f64> {
        Ok(fields
            .get(index)
            .context("/proc/PID/stat is short")?
            .parse()?)
    };
    // Fields 14 and 15 of proc(5), counted after the command.
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}

/// Peak memory of a process so far, in MB.
pub(crate) fn peak_memory(pid: u32) -> Result<f64> {
    memory(pid, "VmHWM:")
}

/// Memory of a process that is no mapped file, in MB.
pub(crate) fn heap(pid: u32) -> Result<f64> {
    memory(pid, "RssAnon:")
}

fn memory(pid: u32, field: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mut lines = status.lines();
    let figure = lines.find_map(|line| line.strip_prefix(field));
    let kilobytes = figure
        .and_then(|figure| figure.split_whitespace().next())
        .with_context(|| format!("no {field}"))?;
    Ok(kilobytes.parse::<f64>()? / 1000.0)
}

/// Writes to CertificateRequests and Events that the API server has accepted so far.
pub(crate) async fn writes(client: &Client) -> Result<f64> {
    let request = http::Request::get("/metrics").body(Vec::new())?;
    let text = client.request_text(request).await?;
    let of_interest = |line: &&str| {
        line.starts_with("apiserver_request_total{")
            && ["certificaterequests", "events"]
                .iter()
                .any(|resource| line.contains(&format!("resource=\"{resource}\"")))
            && ["POST", "PUT", "PATCH", "APPLY"]
                .iter()
                .any(|verb| line.contains(&format!("verb=\"{verb}\"")))
    };
    let counts = text
        .lines()
        .filter(of_interest)
        .filter_map(|line| line.rsplit_once(' '));
    counts.map(|(_, count)| Ok(count.parse::<f64>()?)).sum()
}
