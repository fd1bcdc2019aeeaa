//! The consumers of certificates: each is a TLS server and a client with a leaf of its own, and
//! learns of roots in one of three ways.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::peers::{Identity, Peers, SERVER_NAME, Stack};

/// How a consumer learns which roots are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// It follows the published ConfigMap.
    Live,
    /// It follows a copy of the ConfigMap that lags behind.
    Lagging,
    /// It knows only the `ca.crt` that came with its last leaf.
    Leaf,
}

impl Trust {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Live, Self::Lagging, Self::Leaf];
}

impl Display for Trust {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Live => "follows the ConfigMap",
            Self::Lagging => "follows a lagging copy",
            Self::Leaf => "ca.crt of its last leaf",
        })
    }
}

/// A certificate as it was issued.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it holds a key")]
pub struct Leaf {
    /// The certificate and the intermediates above it, in PEM.
    pub chain: String,
    /// The private key, in PEM.
    pub key: String,
    /// The roots that came with it, in PEM.
    pub ca: String,
    /// The end of its validity.
    pub not_after: Timestamp,
}

impl Leaf {
    /// Returns how long it is still valid.
    pub fn remaining(&self) -> Duration {
        Duration::try_from(self.not_after.duration_since(Timestamp::now())).unwrap_or_default()
    }
}

/// A TLS server and client.
#[allow(missing_debug_implementations, reason = "it holds keys")]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// Its TLS library.
    pub stack: Stack,
    /// How it learns of roots.
    pub trust: Trust,
    /// The DNS name or the SPIFFE ID that its clients expect.
    pub server_name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    leaf: Option<Leaf>,
    leaves: usize,
    bundle: Option<String>,
    port: Option<u16>,
}

impl State {
    fn identity(&self, trust: Trust) -> Option<Identity> {
        let leaf = self.leaf.as_ref()?;
        let roots = match trust {
            Trust::Leaf => &leaf.ca,
            Trust::Live | Trust::Lagging => self.bundle.as_ref()?,
        };
        Some(Identity {
            chain: leaf.chain.clone(),
            key: leaf.key.clone(),
            roots: roots.clone(),
        })
    }
}

/// What a consumer has at one time.
#[allow(missing_debug_implementations, reason = "it holds a key")]
pub struct Presented {
    /// The port of its server.
    pub port: u16,
    /// The end of its leaf.
    pub not_after: Timestamp,
    /// What it presents and trusts.
    pub identity: Identity,
}

/// All consumers.
#[allow(missing_debug_implementations, reason = "it holds keys")]
pub struct Consumers {
    /// In the order in which they take turns.
    pub all: Vec<Consumer>,
    peers: BTreeMap<Stack, Peers>,
}

impl Consumers {
    /// Starts one consumer of each library and way to trust. They have no certificates yet.
    ///
    /// # Errors
    /// A program cannot be built or started.
    pub async fn start() -> Result<Self> {
        let all = Stack::ALL.iter().flat_map(|stack| {
            Trust::ALL.map(|trust| {
                let name = format!("{stack}-{trust:?}").to_lowercase();
                Consumer::new(name, (*stack, trust), SERVER_NAME.to_owned())
            })
        });
        Self::of(all.collect()).await
    }

    /// Starts these consumers.
    ///
    /// # Errors
    /// A program cannot be built or started.
    pub async fn of(all: Vec<Consumer>) -> Result<Self> {
        let mut peers = BTreeMap::new();
        for consumer in &all {
            let stack = consumer.stack;
            if let Entry::Vacant(missing) = peers.entry(stack) {
                missing.insert(Peers::start(stack).await?);
            }
        }
        Ok(Self { all, peers })
    }

    /// Has a consumer present another leaf from now on.
    ///
    /// # Errors
    /// Its library does not accept the leaf.
    pub async fn install(&self, consumer: &Consumer, leaf: Leaf) -> Result<()> {
        let mut state = consumer.state.lock().await;
        state.leaf = Some(leaf);
        state.leaves += 1;
        self.set(consumer, &mut state).await
    }

    /// Has those consumers trust this bundle that follow it in this way.
    ///
    /// # Errors
    /// A library does not accept the bundle.
    pub async fn trust(&self, trust: Trust, bundle: &str) -> Result<()> {
        for consumer in self.all.iter().filter(|one| one.trust == trust) {
            let mut state = consumer.state.lock().await;
            state.bundle = Some(bundle.to_owned());
            self.set(consumer, &mut state).await?;
        }
        Ok(())
    }

    async fn set(&self, consumer: &Consumer, state: &mut State) -> Result<()> {
        if let Some(identity) = state.identity(consumer.trust) {
            let peers = self.peers(consumer)?;
            state.port = Some(peers.set(&consumer.name, &identity).await?);
        }
        Ok(())
    }

    /// Connects a consumer to the server of another one. Returns the error of a handshake that
    /// fails.
    ///
    /// # Errors
    /// The process of the peers has ended.
    pub async fn connect(
        &self,
        client: &Consumer,
        server: &Consumer,
        port: u16,
    ) -> Result<Option<String>> {
        let server = (server.server_name.as_str(), port);
        self.peers(client)?.connect(&client.name, server).await
    }

    /// Returns why the server of a consumer last refused a client.
    ///
    /// # Errors
    /// The process of the peers has ended.
    pub async fn refusal(&self, server: &Consumer) -> Result<String> {
        self.peers(server)?.refusal(&server.name).await
    }

    fn peers(&self, consumer: &Consumer) -> Result<&Peers> {
        self.peers
            .get(&consumer.stack)
            .context("every library runs")
    }
}

impl Consumer {
    /// Returns a consumer without a certificate.
    pub fn new(name: String, (stack, trust): (Stack, Trust), server_name: String) -> Self {
        Self {
            name,
            stack,
            trust,
            server_name,
            state: Mutex::default(),
        }
    }

    /// Returns what it has now; none while it has no certificate or no roots.
    pub async fn presented(&self) -> Option<Presented> {
        let state = self.state.lock().await;
        Some(Presented {
            port: state.port?,
            not_after: state.leaf.as_ref()?.not_after,
            identity: state.identity(self.trust)?,
        })
    }

    /// Returns how many leaves it has presented so far.
    pub async fn leaves(&self) -> usize {
        self.state.lock().await.leaves
    }

    /// Returns how long its leaf is still valid.
    pub async fn remaining(&self) -> Duration {
        let state = self.state.lock().await;
        state.leaf.as_ref().map_or(Duration::ZERO, Leaf::remaining)
    }
}
