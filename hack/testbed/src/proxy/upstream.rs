//! The server behind a proxy.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A connection to the server.
type Connection = SendRequest<Full<Bytes>>;

/// Where requests go.
#[derive(Debug)]
pub(super) struct Upstream {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    /// Connections that nobody uses now.
    idle: Mutex<Vec<Connection>>,
}

impl Upstream {
    /// From an address such as `https://127.0.0.1:8200`, with the CA to trust.
    pub(super) fn new(address: &str, ca_pem: Option<&str>) -> Result<Self> {
        let uri: Uri = address.parse().context("the upstream is no URL")?;
        Ok(Self {
            host: uri.host().context("the upstream has no host")?.to_owned(),
            port: uri.port_u16().context("the upstream has no port")?,
            tls: ca_pem.map(crate::http::trusting).transpose()?,
            idle: Mutex::default(),
        })
    }

    /// Passes a request on as it is, over a connection that is there, or else a new one.
    pub(super) async fn ask(&self, request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>> {
        let mut request = request;
        while let Some(mut connection) = self.idle() {
            // Its last answer may not be done with, or the server may have closed it.
            if connection.ready().await.is_err() {
                continue;
            }
            match connection.try_send_request(request).await {
                Ok(answer) => return self.answered(connection, answer).await,
                // It was closed at this moment, and the server was not asked.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().into()),
                },
            }
        }
        let mut connection = self.connect().await?;
        connection.ready().await?;
        let answer = connection.send_request(request).await?;
        self.answered(connection, answer).await
    }

    /// Reads an answer to its end, after which the connection may be used again.
    async fn answered(
        &self,
        connection: Connection,
        answer: Response<Incoming>,
    ) -> Result<Response<Full<Bytes>>> {
        let (mut head, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        self.lock().push(connection);
        // They speak of the connection to the server, and of a body that may be changed.
        for name in ["connection", "content-length", "transfer-encoding"] {
            head.headers.remove(name);
        }
        Ok(Response::from_parts(head, Full::new(body)))
    }

    async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        // As clients have it. Otherwise the kernel holds back the end of what is written in two
        // parts, for some 40 ms.
        stream.set_nodelay(true)?;
        let Some(config) = &self.tls else {
            return over(stream).await;
        };
        let name = ServerName::try_from(self.host.clone())?;
        let connector = TlsConnector::from(Arc::clone(config));
        over(connector.connect(name, stream).await?).await
    }

    fn idle(&self) -> Option<Connection> {
        let mut idle = self.lock();
        std::iter::from_fn(|| idle.pop()).find(|connection| !connection.is_closed())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Connection> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with the sender, who says what went wrong in it.
    tokio::spawn(async move { connection.await.ok() });
    Ok(sender)
}
