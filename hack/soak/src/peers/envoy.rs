//! Peers behind Envoy: each has one as its sidecar, and speaks plain TCP with it. Certificates come
//! from files, as Istio's agent hands them out over a socket.

mod config;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use signet_testbed::envoy::Envoy;
use signet_testbed::ports;
use signet_testbed::wait::{Observation, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::Identity;
use crate::certificate::Certificate;
use config::{CERTIFICATE, CLUSTERS, Destination, LISTENERS, ROOTS};

/// Longer than Envoy needs on any machine.
const TIMEOUT: Duration = Duration::from_secs(60);
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Peers behind Envoy.
#[allow(missing_debug_implementations, reason = "it holds keys")]
pub struct Envoys {
    sidecars: Mutex<BTreeMap<String, Arc<Sidecar>>>,
    /// What all sidecars pass clients on to.
    application: u16,
    accepting: JoinHandle<()>,
}

struct Sidecar {
    envoy: Envoy,
    port: u16,
    /// Where the application connects for each server.
    destinations: Mutex<Vec<Destination>>,
}

impl Drop for Envoys {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Envoys {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Ok(Self {
            sidecars: Mutex::default(),
            application: listener.local_addr()?.port(),
            accepting: tokio::spawn(accept(listener)),
        })
    }

    pub(super) async fn set(&self, name: &str, identity: &Identity) -> Result<u16> {
        let mut sidecars = self.sidecars.lock().await;
        let sidecar = match sidecars.get(name) {
            Some(sidecar) => {
                // A server's certificate is verified with the client's newest roots.
                let (roots, certificate) = (config::roots(identity), config::certificate(identity));
                sidecar.envoy.replace(ROOTS, &roots)?;
                sidecar.envoy.replace(CERTIFICATE, &certificate)?;
                sidecar.clone()
            }
            None => {
                let sidecar = Arc::new(Sidecar::start(identity, self.application).await?);
                sidecars.insert(name.to_owned(), sidecar.clone());
                sidecar
            }
        };
        sidecar.await_certificate(identity).await?;
        Ok(sidecar.port)
    }

    pub(super) async fn connect(&self, name: &str, server: (&str, u16)) -> Result<Option<String>> {
        let port = self.sidecar(name).await?.port_to(server).await?;
        Ok(connect(port).await.err().map(|error| error.to_string()))
    }

    /// Returns what the sidecar has counted of failed handshakes.
    pub(super) async fn refusal(&self, name: &str) -> Result<String> {
        let sidecar = self.sidecar(name).await?;
        let counts = sidecar.envoy.admin(config::FAILURES).await?;
        let counts: Vec<_> = counts
            .lines()
            .filter(|line| !line.ends_with(": 0"))
            .collect();
        Ok(match counts.is_empty() {
            true => "none".to_owned(),
            false => counts.join(", "),
        })
    }

    async fn sidecar(&self, name: &str) -> Result<Arc<Sidecar>> {
        let sidecars = self.sidecars.lock().await;
        sidecars
            .get(name)
            .cloned()
            .context("the peer has no identity")
    }
}

impl Sidecar {
    async fn start(identity: &Identity, application: u16) -> Result<Self> {
        let [port] = ports::free()?;
        let leaf = Certificate::first(&identity.chain)?;
        let trust_domain = leaf.trust_domain().context("it has a SPIFFE ID")?;
        let bootstrap =
            |folder: &Path| config::bootstrap(folder, (port, trust_domain), application);
        let files = [
            (CERTIFICATE, config::certificate(identity)),
            (ROOTS, config::roots(identity)),
            (CLUSTERS, config::resources(&[])),
            (LISTENERS, config::resources(&[])),
        ];
        Ok(Self {
            envoy: Envoy::start(bootstrap, &files).await?,
            port,
            destinations: Mutex::default(),
        })
    }

    /// Waits until Envoy uses a certificate.
    async fn await_certificate(&self, identity: &Identity) -> Result<()> {
        let serial = Certificate::first(&identity.chain)?.serial;
        let observe = async || {
            let shown: Shown = serde_json::from_str(&self.envoy.admin("/certs").await?)?;
            let used = shown.serials();
            let is_used = !used.is_empty() && used.iter().all(|one| *one == serial);
            Ok(Observation::reached_if(is_used, used.join(" ")))
        };
        until("Envoy to use a certificate", observe).await
    }

    /// Returns the port at which the application reaches a server through this sidecar.
    async fn port_to(&self, (id, port): (&str, u16)) -> Result<u16> {
        let mut destinations = self.destinations.lock().await;
        let known = destinations
            .iter()
            .find(|one| one.id == id && one.port == port);
        if let Some(known) = known {
            return Ok(known.local);
        }
        let [local] = ports::free()?;
        destinations.push(Destination {
            id: id.to_owned(),
            port,
            local,
        });
        let folder = self.envoy.path("");
        let clusters: Vec<_> = destinations
            .iter()
            .map(|one| one.cluster(&folder))
            .collect();
        let listeners: Vec<_> = destinations.iter().map(Destination::listener).collect();
        self.envoy
            .replace(CLUSTERS, &config::resources(&clusters))?;
        self.envoy
            .replace(LISTENERS, &config::resources(&listeners))?;
        Ok(local)
    }
}

/// What Envoy's admin interface shows of its certificates.
#[derive(Deserialize)]
struct Shown {
    certificates: Vec<Chain>,
}

#[derive(Deserialize)]
struct Chain {
    #[serde(default)]
    cert_chain: Vec<Leaf>,
}

#[derive(Deserialize)]
struct Leaf {
    serial_number: String,
}

impl Shown {
    /// Returns the serial number of each leaf in use.
    fn serials(self) -> Vec<String> {
        let chains = self.certificates.into_iter();
        let leaves = chains.filter_map(|chain| chain.cert_chain.into_iter().next());
        let serials = leaves.map(|leaf| leaf.serial_number.trim_start_matches('0').to_lowercase());
        serials.collect()
    }
}

/// The application: sends a byte to every client that the sidecar lets through.
async fn accept(listener: TcpListener) {
    while let Ok((mut connection, _)) = listener.accept().await {
        tokio::spawn(async move {
            if connection.write_all(b"!").await.is_ok() {
                // The client may close the connection with a reset.
                let _ = connection.read(&mut [0]).await;
            }
        });
    }
}

/// Connects to a server through the sidecar, which has no way to say why it fails.
async fn connect(port: u16) -> io::Result<()> {
    let mut connection = tokio::time::timeout(TIMEOUT, reach(port)).await??;
    connection.read_exact(&mut [0]).await?;
    connection.shutdown().await
}

/// Connects to the sidecar, which may not have read yet where it is to listen.
async fn reach(port: u16) -> io::Result<TcpStream> {
    loop {
        match TcpStream::connect(("127.0.0.1", port)).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            connected => return connected,
        }
    }
}
