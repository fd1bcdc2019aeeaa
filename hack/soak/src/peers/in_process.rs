//! Peers with rustls, in this process.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use anyhow::{Context, Result};
use parking_lot::Mutex;
use rustls::client::Resumption;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::Identity;

/// Peers with rustls.
#[derive(Default)]
#[allow(missing_debug_implementations, reason = "it holds keys")]
pub struct InProcess {
    peers: Mutex<BTreeMap<String, Arc<Peer>>>,
}

struct Peer {
    port: u16,
    client: Mutex<Arc<ClientConfig>>,
    server: Mutex<Arc<ServerConfig>>,
    refusal: Mutex<String>,
}

impl InProcess {
    pub(super) async fn set(&self, name: &str, identity: &Identity) -> Result<u16> {
        let (client, server) = configs(identity).context("rustls does not accept the identity")?;
        if let Some(peer) = self.peer(name) {
            *peer.client.lock() = client;
            *peer.server.lock() = server;
            return Ok(peer.port);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let peer = Arc::new(Peer {
            port: listener.local_addr()?.port(),
            client: Mutex::new(client),
            server: Mutex::new(server),
            refusal: Mutex::new("none".to_owned()),
        });
        self.peers.lock().insert(name.to_owned(), peer.clone());
        tokio::spawn(accept(listener, peer.clone()));
        Ok(peer.port)
    }

    pub(super) async fn connect(&self, name: &str, server: (&str, u16)) -> Result<(), String> {
        let peer = self.peer(name).ok_or("the peer has no identity")?;
        let connected = connect(&peer, server).await;
        connected.map_err(|error| error.to_string())
    }

    pub(super) fn refusal(&self, name: &str) -> String {
        let peer = self.peer(name);
        peer.map_or_else(String::new, |peer| peer.refusal.lock().clone())
    }

    fn peer(&self, name: &str) -> Option<Arc<Peer>> {
        self.peers.lock().get(name).cloned()
    }
}

fn configs(identity: &Identity) -> Result<(Arc<ClientConfig>, Arc<ServerConfig>)> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = CertificateDer::pem_slice_iter(identity.chain.as_bytes());
    let chain: Vec<_> = chain.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(identity.roots.as_bytes()) {
        roots.add(root?)?;
    }
    let roots = Arc::new(roots);
    let mut client = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots.clone())
        .with_client_auth_cert(chain.clone(), key.clone_key())?;
    client.resumption = Resumption::disabled();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone()).build()?;
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    Ok((Arc::new(client), Arc::new(server)))
}

async fn accept(listener: TcpListener, peer: Arc<Peer>) {
    while let Ok((connection, _)) = listener.accept().await {
        let peer = peer.clone();
        tokio::spawn(async move {
            let config = peer.server.lock().clone();
            if let Err(error) = serve(connection, config).await {
                *peer.refusal.lock() = error.to_string();
            }
        });
    }
}

async fn serve(connection: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    let mut tls = TlsAcceptor::from(config).accept(connection).await?;
    tls.write_all(b"!").await?;
    tls.flush().await?;
    // The client may close the connection without an alert.
    let _ = tls.read(&mut [0]).await;
    Ok(())
}

async fn connect(peer: &Peer, (name, port): (&str, u16)) -> io::Result<()> {
    let config = peer.client.lock().clone();
    let connection = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let mut tls = TlsConnector::from(config).connect(name, connection).await?;
    // In TLS 1.3 the server verifies the client after the client is done.
    let mut byte = [0];
    tls.read_exact(&mut byte).await?;
    tls.shutdown().await
}
