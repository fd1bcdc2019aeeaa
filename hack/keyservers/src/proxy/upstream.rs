//! The server behind a proxy.

use std::sync::Arc;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Where requests go.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
}

impl Upstream {
    /// From an address such as `https://127.0.0.1:8200`, with the CA to trust.
    pub(super) fn new(address: &str, ca_pem: Option<&str>) -> Result<Self> {
        let uri: Uri = address.parse().context("the upstream is no URL")?;
        Ok(Self {
            host: uri.host().context("the upstream has no host")?.to_owned(),
            port: uri.port_u16().context("the upstream has no port")?,
            tls: ca_pem.map(crate::http::trusting).transpose()?,
        })
    }

    /// Passes a request on as it is, on a connection of its own.
    pub(super) async fn ask(&self, request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let Some(config) = &self.tls else {
            return exchange(stream, request).await;
        };
        let name = ServerName::try_from(self.host.clone())?;
        let connector = TlsConnector::from(Arc::clone(config));
        exchange(connector.connect(name, stream).await?, request).await
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Response<Full<Bytes>>> {
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with the exchange; what went wrong in it, the sender says.
    tokio::spawn(async move { connection.await.ok() });
    let (mut head, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    // They speak of the connection to the server, and of a body that may be changed.
    for name in ["connection", "content-length", "transfer-encoding"] {
        head.headers.remove(name);
    }
    Ok(Response::from_parts(head, Full::new(body)))
}
