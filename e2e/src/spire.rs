//! A SPIRE server with an agent, and workloads that they give SVIDs to.

mod issuer;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use signet_readers::{Chain, Mesh, Reader};
use signet_testbed::controlplane::Toolchain;
use signet_testbed::istio::{self, Workload};
use signet_testbed::spire::{self, Agent, Discovery, Server, ServerOptions, Svid, Upstream};
use signet_testbed::wait::{Observation, until};

use crate::TestNamespace;
use crate::runtime::blocking;
use crate::verify::{self, Certificate, Name};

/// The trust domain of a test's servers.
pub const TRUST_DOMAIN: &str = "spire.example.org";
/// The name of the agent's node.
const NODE: &str = "node-1";
/// Longer than a test takes: the server gets another CA when the test says so.
const CA_TTL: &str = "6h";

/// Builds SPIRE and the program that connects two workloads: minutes, where they are not cached yet.
///
/// # Errors
/// One cannot be built.
pub fn prepare() -> Result<()> {
    prepare_servers()?;
    istio::Agent::new(&Toolchain::new()?).map(drop)
}

/// Builds SPIRE and what verifies its certificates, without what connects two workloads.
///
/// # Errors
/// One cannot be built.
pub fn prepare_servers() -> Result<()> {
    Mesh::build_all()?;
    spire::build(&Toolchain::new()?)
}

/// A server, and an agent that has attested itself to it.
#[derive(Debug)]
pub struct Spire<'a> {
    test: &'a TestNamespace,
    toolchain: Toolchain,
    server: Server,
    agent: Agent,
    /// It is in the names of the logs.
    name: String,
}

impl<'a> Spire<'a> {
    /// Starts a server and its agent. The name is for logs.
    ///
    /// # Errors
    /// The server gets no CA, or the agent does not attest itself.
    pub async fn start(test: &'a TestNamespace, name: &str, upstream: Upstream) -> Result<Self> {
        let toolchain = blocking(Toolchain::new).await?;
        let options = ServerOptions {
            trust_domain: TRUST_DOMAIN.to_owned(),
            ca_ttl: CA_TTL.to_owned(),
            upstream,
        };
        let log = |program: &str| log(test, name, program);
        let cluster = test.bed().plane().cluster();
        let server = Server::start(cluster, &toolchain, &options, &log("server")).await?;
        let agent = Agent::start(&toolchain, &server, NODE, &log("agent")).await?;
        Ok(Self {
            test,
            toolchain,
            server,
            agent,
            name: name.to_owned(),
        })
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// What has the server of another [`Spire`] get its CA from this one's.
    ///
    /// # Errors
    /// The server does not register it.
    pub async fn upstream(&self, below: &str) -> Result<Upstream> {
        let id = format!("spiffe://{TRUST_DOMAIN}/{below}");
        self.server.register(NODE, &id, &["-downstream"]).await?;
        self.arrived(&id, |_| true).await?;
        Ok(Upstream::Spire {
            port: self.server.port(),
            workload_api: self.agent.workload_api(),
        })
    }

    /// Registers a workload, and fetches its SVID.
    ///
    /// # Errors
    /// The agent does not get it.
    pub async fn svid(&self, workload: &str) -> Result<Svid> {
        let id = identity(workload);
        self.server.register(NODE, &id, &[]).await?;
        self.arrived(&id, |_| true).await
    }

    /// The SVID of a registered workload, once it is below these roots.
    ///
    /// # Errors
    /// The agent does not get it.
    pub async fn renewed(&self, workload: &str, roots: &str) -> Result<Svid> {
        let is_below = |svid: &Svid| self.check(svid, workload, roots).is_ok();
        self.arrived(&identity(workload), is_below).await
    }

    /// The SVID of an ID, once the agent has one that is as wanted.
    async fn arrived(&self, id: &str, is_wanted: impl Fn(&Svid) -> bool) -> Result<Svid> {
        let observe = async || {
            let svids = match self.agent.svids().await {
                Ok(svids) => svids,
                Err(error) => return Ok(Observation::Progress(format!("{error:#}"))),
            };
            let mut svids = svids.into_iter();
            let found = svids.find(|svid| is_of(svid, id) && is_wanted(svid));
            Ok(found.map_or_else(
                || Observation::Progress("others only".to_owned()),
                Observation::Reached,
            ))
        };
        until(format!("the SVID of {id}"), observe).await
    }

    /// Checks an SVID under these roots: by Go, OpenSSL, rustls-webpki and go-spiffe, and by its one
    /// name.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, svid: &Svid, workload: &str, roots: &str) -> Result<()> {
        let at = Timestamp::now();
        let now = at.as_duration().unsigned_abs();
        let chain = Chain::from_pem(&svid.chain, roots)?;
        chain.verify(now)?;
        chain.verify_by(Reader::Go, now)?;
        for mesh in Mesh::ALL {
            chain.verify_by(Reader::Locked(mesh), now)?;
        }
        let read = verify::Svid {
            chain: &svid.chain,
            key: &svid.key,
            trust_domain: TRUST_DOMAIN,
        };
        let (id, expected) = (read.verify(roots, at)?, identity(workload));
        ensure!(id == expected, "go-spiffe reads {id}");
        let certificates = Certificate::read_pem(&svid.chain)?;
        let leaf = certificates.first().context("there is a leaf")?;
        let names = leaf.names()?;
        ensure!(names == [Name::Uri(expected)], "{names:?}");
        Ok(())
    }

    /// Has two workloads complete mTLS, each as the client and as the server, and each with the trust
    /// bundle that came with its SVID.
    ///
    /// # Errors
    /// One rejects the other one.
    pub async fn connect(&self, one: (&str, &Svid), other: (&str, &Svid)) -> Result<()> {
        let program = istio::Agent::new(&self.toolchain)?;
        for (client, server) in [(one, other), (other, one)] {
            let (a, b) = (workload(client.1), workload(server.1));
            let seen = program.connect(TRUST_DOMAIN, &a, &b).await?;
            let as_expected =
                seen.client == identity(client.0) && seen.server == identity(server.0);
            ensure!(as_expected, "{seen:?}");
        }
        Ok(())
    }

    /// Checks a JWT-SVID of a registered workload by the keys that the OIDC discovery provider beside
    /// an agent serves, which may be that of a server above.
    ///
    /// # Errors
    /// The agent gets none, the provider does not start, or go-spiffe rejects it.
    pub async fn check_jwt_svid(&self, workload: &str, provider: &Spire<'_>) -> Result<()> {
        const AUDIENCE: &str = "payments.example";
        let id = identity(workload);
        let token = self.agent.jwt_svid(&id, AUDIENCE).await?;
        let discovery = provider.discovery().await?;
        let read =
            |audience: &str, keys: &str| verify::verify_jwt(&token, TRUST_DOMAIN, audience, keys);
        // A key arrives there after a while.
        let observe = async || {
            let keys = discovery.keys().await?;
            Ok(match read(AUDIENCE, &keys) {
                Ok(read) => Observation::Reached((read, keys)),
                Err(error) => Observation::Progress(format!("{error:#}")),
            })
        };
        let (found, keys) = until(format!("the key of the token of {id}"), observe).await?;
        ensure!(found == id, "go-spiffe reads {found}");
        let other = read("other.example", &keys);
        ensure!(other.is_err(), "it is for one audience");
        Ok(())
    }

    async fn discovery(&self) -> Result<Discovery> {
        let log = log(self.test, &self.name, "discovery");
        Discovery::start(&self.toolchain, &self.agent, &log).await
    }

    /// The roots in the trust bundle of the server.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn roots(&self) -> Result<Vec<Certificate>> {
        Certificate::read_pem(&self.server.bundle().await?)
    }

    /// Has the server get another CA, and sign with it. What is registered afterwards is under it.
    ///
    /// # Errors
    /// It gets none.
    pub async fn rotate_ca(&self) -> Result<()> {
        self.server.sync_volumes().await?;
        self.server.rotate_ca().await
    }
}

fn log(test: &TestNamespace, name: &str, program: &str) -> PathBuf {
    let file = format!("{}-{name}-{program}.log", test.name());
    test.bed().plane().logs().join(file)
}

/// The SPIFFE ID of a workload.
pub fn identity(workload: &str) -> String {
    format!("spiffe://{TRUST_DOMAIN}/ns/shop/sa/{workload}")
}

fn is_of(svid: &Svid, id: &str) -> bool {
    let uris = Certificate::read_pem(&svid.chain).and_then(|chain| {
        let leaf = chain.first().context("there is a leaf")?;
        leaf.uris()
    });
    uris.is_ok_and(|uris| uris == [id])
}

fn workload(svid: &Svid) -> Workload {
    Workload {
        chain: vec![svid.chain.clone(), svid.bundle.clone()],
        key: svid.key.clone(),
    }
}
