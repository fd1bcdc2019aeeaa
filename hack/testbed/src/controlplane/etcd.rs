//! etcd, the API server's store.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tokio::net::TcpStream;

use crate::controlplane::process::Server;
use crate::controlplane::{Program, Toolchain};

/// Starts etcd. Its data is not synchronised to disk: a control plane does not outlive its
/// machine, and a benchmark should say so.
pub(crate) fn spawn(
    toolchain: &Toolchain,
    data: &Path,
    logs: &Path,
    client_port: u16,
    peer_port: u16,
) -> Result<Server> {
    let (client, peer) = (
        format!("http://127.0.0.1:{client_port}"),
        format!("http://127.0.0.1:{peer_port}"),
    );
    let arguments = [
        format!("--data-dir={}", data.display()),
        "--name=default".to_owned(),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--unsafe-no-fsync=true".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    Server::spawn("etcd", &toolchain.path(Program::Etcd)?, &arguments, logs)
}

/// Waits until it takes connections.
pub(crate) async fn ready(etcd: &mut Server, client_port: u16) -> Result<()> {
    etcd.ready(async || (!is_open(client_port).await).then(|| "nobody listens".to_owned()))
        .await
}

/// Whether somebody listens.
async fn is_open(port: u16) -> bool {
    let connect = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
    matches!(
        tokio::time::timeout(Duration::from_secs(1), connect).await,
        Ok(Ok(_))
    )
}
