//! TLS servers and clients: in each of three libraries, and Envoy as the sidecar of a workload.
//! Every handshake is a full one, and both sides verify each other.

mod envoy;
mod in_process;
mod program;

use std::fmt::{self, Display, Formatter};

use anyhow::Result;

use envoy::Envoys;
use in_process::InProcess;
use program::Program;

/// The DNS name that clients expect of every server that is not in a mesh.
pub const SERVER_NAME: &str = "peer.soak.example";

/// A TLS library, or what makes connections in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stack {
    /// rustls with aws-lc, in this process.
    Rustls,
    /// OpenSSL, in a Python process.
    OpenSsl,
    /// crypto/tls of Go, in a process of its own.
    Go,
    /// Envoy beside each workload, configured as Istio's sidecars are.
    Envoy,
}

impl Stack {
    /// The libraries that verify DNS names.
    pub const ALL: [Self; 3] = [Self::Rustls, Self::OpenSsl, Self::Go];
    /// Those that verify SPIFFE IDs, as in a mesh.
    pub const OF_A_MESH: [Self; 2] = [Self::Go, Self::Envoy];
}

impl Display for Stack {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rustls => "rustls",
            Self::OpenSsl => "OpenSSL",
            Self::Go => "Go",
            Self::Envoy => "Envoy",
        })
    }
}

/// What a peer presents and what it trusts, all in PEM.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it holds a key")]
pub struct Identity {
    /// The certificate and the intermediates above it.
    pub chain: String,
    /// The private key.
    pub key: String,
    /// The trusted roots.
    pub roots: String,
}

/// The peers of one library. Each has a name, an identity and a server.
#[allow(missing_debug_implementations, reason = "it holds keys")]
pub enum Peers {
    /// In this process.
    InProcess(InProcess),
    /// In another one.
    Program(Box<Program>),
    /// Each behind its own Envoy.
    Envoys(Envoys),
}

impl Peers {
    /// Starts the peers of a library.
    ///
    /// # Errors
    /// Its program cannot be built or started.
    pub async fn start(stack: Stack) -> Result<Self> {
        Ok(match stack {
            Stack::Rustls => Self::InProcess(InProcess::default()),
            Stack::OpenSsl => Self::Program(Box::new(Program::python()?)),
            Stack::Go => Self::Program(Box::new(Program::go().await?)),
            Stack::Envoy => Self::Envoys(Envoys::start().await?),
        })
    }

    /// Replaces the identity of a peer, for connections from now on. Returns the port of its server,
    /// which is started with the first identity.
    ///
    /// # Errors
    /// The library does not accept the identity.
    pub async fn set(&self, name: &str, identity: &Identity) -> Result<u16> {
        match self {
            Self::InProcess(peers) => peers.set(name, identity).await,
            Self::Program(peers) => peers.set(name, identity).await,
            Self::Envoys(peers) => peers.set(name, identity).await,
        }
    }

    /// Connects a peer to a server with this DNS name or SPIFFE ID. Returns the error of a handshake
    /// that fails.
    ///
    /// # Errors
    /// The peer's process has ended.
    pub async fn connect(&self, name: &str, server: (&str, u16)) -> Result<Option<String>> {
        match self {
            Self::InProcess(peers) => Ok(peers.connect(name, server).await.err()),
            Self::Program(peers) => peers.connect(name, server).await,
            Self::Envoys(peers) => peers.connect(name, server).await,
        }
    }

    /// Returns why the server of a peer last refused a client.
    ///
    /// # Errors
    /// The peer's process has ended.
    pub async fn refusal(&self, name: &str) -> Result<String> {
        match self {
            Self::InProcess(peers) => Ok(peers.refusal(name)),
            Self::Program(peers) => peers.refusal(name).await,
            Self::Envoys(peers) => peers.refusal(name).await,
        }
    }
}
