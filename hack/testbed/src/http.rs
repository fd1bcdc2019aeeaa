//! Requests to servers on loopback, one per connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use reqwest::{Client, RequestBuilder};

/// A server that sends nothing for this long is not there.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The address of a port on loopback.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Returns the status and the body of a GET request.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    send(client()?.get(format!("http://{address}{path}"))).await
}

/// Fails unless a GET request returns the status 200.
pub(crate) async fn check(address: SocketAddr, path: &str) -> Result<()> {
    let (status, body) = get(address, path).await?;
    ensure!(status == 200, "{path} returns {status}: {body}");
    Ok(())
}

/// Returns the status and the body of a POST request.
pub(crate) async fn post(
    address: SocketAddr,
    headers: &[(&str, &str)],
    body: String,
) -> Result<(u16, String)> {
    let request = client()?.post(format!("http://{address}")).body(body);
    let add = |request: RequestBuilder, (name, value): &(&str, &str)| request.header(*name, *value);
    send(headers.iter().fold(request, add)).await
}

/// Waits for requests, blocking, on a thread with its own runtime: the caller's thread may have one,
/// and a runtime cannot be dropped there.
pub(crate) fn block_on<T: Send>(requests: impl Future<Output = Result<T>> + Send) -> Result<T> {
    let run = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build()?.block_on(requests)
    };
    thread::scope(|scope| scope.spawn(run).join()).map_err(|_| anyhow!("a request panicked"))?
}

fn client() -> Result<Client> {
    let client = Client::builder().no_proxy().tls_certs_only([]);
    Ok(client.timeout(TIMEOUT).build()?)
}

async fn send(request: RequestBuilder) -> Result<(u16, String)> {
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}
