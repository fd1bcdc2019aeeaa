//! The side of a proxy that clients see.

use std::io::ErrorKind::AddrInUse;
use std::net::{Ipv4Addr, TcpListener as StdListener, TcpStream as StdStream};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::Result;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::{Shared, service};
use crate::pki::Pair;

const BIND_DEADLINE: Duration = Duration::from_secs(10);
const BIND_INTERVAL: Duration = Duration::from_millis(10);

/// Whether to listen, and a channel for the result.
pub(super) type Order = (bool, Sender<std::io::Result<()>>);

/// Follows orders to listen until their channel closes. When it stops listening, all connections
/// end.
pub(super) async fn run(
    port: u16,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    mut orders: UnboundedReceiver<Order>,
) {
    let mut listener: Option<TcpListener> = None;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some((listen, done)) = order else { return };
                listener = None;
                connections.shutdown().await;
                let result =
                    if listen { bind(port).await.map(|it| listener = Some(it)) } else { Ok(()) };
                // The receiver may be gone.
                let _ = done.send(result);
            }
            accepted = accept(listener.as_ref()) => {
                if let Some(stream) = accepted {
                    connections.spawn(serve(stream, tls.clone(), Arc::clone(&shared)));
                }
            }
            // Removes those that have ended.
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The listener before may live on for a moment, in a child of another test between its fork and
/// its start.
async fn bind(port: u16) -> std::io::Result<TcpListener> {
    let deadline = Instant::now() + BIND_DEADLINE;
    loop {
        // The standard library allows reuse of the address while old connections close.
        match StdListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == AddrInUse && Instant::now() < deadline => {
                tokio::time::sleep(BIND_INTERVAL).await;
            }
            bound => {
                let listener = bound?;
                listener.set_nonblocking(true)?;
                return TcpListener::from_std(listener);
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.ok().map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

/// Serves one connection.
async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) -> Result<()> {
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let socket = Arc::new(stream.try_clone()?);
    let stream = TcpStream::from_std(stream)?;
    if shared.connected() {
        std::future::pending::<()>().await;
    }
    match tls {
        Some(tls) => serve_http(tls.accept(stream).await?, socket, shared).await,
        None => serve_http(stream, socket, shared).await,
    }
}

async fn serve_http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    socket: Arc<StdStream>,
    shared: Arc<Shared>,
) -> Result<()> {
    let service = service_fn(move |request| {
        let (shared, socket) = (Arc::clone(&shared), Arc::clone(&socket));
        async move { service::respond(&shared, &socket, request).await }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    Ok(connection.await?)
}

/// TLS with a certificate.
pub(super) fn acceptor(pair: &Pair) -> Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certificate = CertificateDer::from_pem_slice(pair.certificate_pem.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(pair.key_pem.as_bytes())?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
