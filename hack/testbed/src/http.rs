//! As much of an HTTP client as setting up a server on loopback needs: one request per connection.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A server that says nothing for so long is not there.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a str,
}

/// An answer: its status and its body.
pub(crate) type Answer = (u16, String);

/// Sends a request in the clear.
pub(crate) fn plain(port: u16, request: Request<'_>) -> Result<Answer> {
    exchange(connect(port)?, port, request)
}

/// The address of a port on loopback.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Sends a GET request in the clear, without blocking.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<Answer> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || {
        let request = Request {
            method: "GET",
            path: &path,
            headers: &[],
            body: "",
        };
        plain(address.port(), request)
    })
    .await?
}

/// Whether a GET request gets the status 200.
pub(crate) async fn check(address: SocketAddr, path: &str) -> Result<()> {
    let (status, body) = get(address, path).await?;
    ensure!(status == 200, "{path} returns {status}: {body}");
    Ok(())
}

/// Sends a request over TLS.
pub(crate) fn tls(config: &Arc<ClientConfig>, port: u16, request: Request<'_>) -> Result<Answer> {
    let name = ServerName::try_from("localhost")?;
    let connection = ClientConnection::new(Arc::clone(config), name)?;
    exchange(StreamOwned::new(connection, connect(port)?), port, request)
}

/// A TLS client that trusts one CA.
pub(crate) fn trusting(ca_pem: &str) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// HTTP/1.0, as its answers come in one piece that ends with the connection.
fn exchange(mut stream: impl Read + Write, port: u16, request: Request<'_>) -> Result<Answer> {
    let mut head = format!("{} {} HTTP/1.0\r\n", request.method, request.path);
    head += &format!("Host: localhost:{port}\r\n");
    for (name, value) in request.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", request.body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(request.body.as_bytes())?;
    stream.flush()?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = match answer.split_once("\r\n\r\n") {
        // A server may end a TLS connection without saying so.
        Some(parts) => parts,
        None => {
            read?;
            anyhow::bail!("the answer is no HTTP")
        }
    };
    let status = head
        .split_whitespace()
        .nth(1)
        .and_then(|it| it.parse().ok());
    Ok((status.context("the answer has no status")?, body.to_owned()))
}
