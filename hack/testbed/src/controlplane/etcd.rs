//! etcd, the API server's store.

use std::path::Path;

use anyhow::Result;

use crate::http;
use crate::supervise::Process;

/// Its data is not synchronized to disk: a control plane does not outlive its machine, and a
/// benchmark should say so.
pub(super) fn arguments(data: &Path, client_port: u16, peer_port: u16) -> [String; 10] {
    let [client, peer] = [client_port, peer_port].map(|port| format!("http://127.0.0.1:{port}"));
    [
        format!("--data-dir={}", data.display()),
        "--name=default".to_owned(),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--unsafe-no-fsync=true".to_owned(),
        "--log-level=warn".to_owned(),
        // 8 GiB, the most that etcd recommends: the benchmark keeps a hundred thousand requests.
        "--quota-backend-bytes=8589934592".to_owned(),
    ]
}

pub(super) async fn ready(etcd: &mut Process, client_port: u16) -> Result<()> {
    let address = http::loopback(client_port);
    while let Err(missing) = http::check(address, "/health").await {
        etcd.await_more(&missing).await?;
    }
    Ok(())
}
