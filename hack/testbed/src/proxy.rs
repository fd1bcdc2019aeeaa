//! A proxy for HTTP servers that injects faults.

mod fault;
mod listener;
mod record;
mod secret;
mod service;
mod streams;
mod upstream;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use anyhow::{Context, Result};
use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use self::fault::Rule;
use self::listener::Order;
use self::streams::Streams;
use self::upstream::Upstream;
use crate::pki::Ca;
use crate::ports;

pub use fault::{Fault, Requests};
pub use record::Seen;
pub use secret::{places, secrets};

/// A proxy on loopback, with its own thread, so that it responds whatever a test's runtime does.
/// Faults can be switched at any time. It resets connections while the server is unavailable.
#[allow(missing_debug_implementations, reason = "it holds a CA's key")]
pub struct Proxy {
    port: u16,
    /// None in the clear.
    ca: Option<Ca>,
    shared: Arc<Shared>,
    orders: UnboundedSender<Order>,
}

/// What the proxy's thread and its handle share.
#[derive(Debug)]
struct Shared {
    upstream: Upstream,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    silent: AtomicBool,
    streams: Streams,
}

impl Proxy {
    /// A proxy with TLS under its own CA, in front of a server such as
    /// `https://127.0.0.1:8200` with its CA, or one in the clear without.
    pub fn https(upstream: &str, upstream_ca: Option<&str>) -> Result<Self> {
        Self::start(upstream, upstream_ca, Some(Ca::new("a proxy on loopback")?))
    }

    /// A proxy in the clear.
    pub fn http(upstream: &str, upstream_ca: Option<&str>) -> Result<Self> {
        Self::start(upstream, upstream_ca, None)
    }

    fn start(upstream: &str, upstream_ca: Option<&str>, ca: Option<Ca>) -> Result<Self> {
        let [port] = ports::free()?;
        let shared = Arc::new(Shared {
            upstream: Upstream::new(upstream, upstream_ca)?,
            rules: Mutex::default(),
            seen: Mutex::default(),
            connections: AtomicUsize::default(),
            silent: AtomicBool::default(),
            streams: Streams::default(),
        });
        let pair = ca
            .as_ref()
            .map(|ca| ca.server("localhost", &[]))
            .transpose()?;
        let tls = pair.as_ref().map(listener::acceptor).transpose()?;
        let (orders, incoming) = unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let run = listener::run(port, tls, Arc::clone(&shared), incoming);
        thread::spawn(move || runtime.block_on(run));
        let proxy = Self {
            port,
            ca,
            shared,
            orders,
        };
        proxy.accept()?;
        Ok(proxy)
    }

    /// `https://127.0.0.1:PORT` or `http://127.0.0.1:PORT`. A certificate is valid for `localhost`
    /// as well.
    pub fn address(&self) -> String {
        let scheme = if self.ca.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The CA that its clients must trust; empty in the clear.
    pub fn ca_pem(&self) -> &str {
        self.ca.as_ref().map_or("", Ca::certificate_pem)
    }

    /// Adds a fault for some requests, until it is removed. Several apply in the order in which
    /// they were added; the first that responds is the last.
    pub fn add(&self, requests: Requests, fault: Fault) {
        self.push(requests, fault, None);
    }

    /// Adds a fault for the next `times` of some requests.
    pub fn add_times(&self, requests: Requests, fault: Fault, times: usize) {
        self.push(requests, fault, Some(times));
    }

    /// Removes all faults, also [`Self::silence_connections`]. Requests in silence stay so.
    pub fn clear(&self) {
        self.shared.silent.store(false, Ordering::SeqCst);
        self.shared.rules.lock().clear();
    }

    /// Accepts new connections without a TLS handshake.
    pub fn silence_connections(&self) {
        self.shared.silent.store(true, Ordering::SeqCst);
    }

    /// Ends the watches that there are in the middle of a message. New ones are served.
    pub fn cut_watches(&self) {
        self.shared.streams.cut();
    }

    /// Lets the watches that there are deliver nothing any more, without an end. New ones are served.
    pub fn stall_watches(&self) {
        self.shared.streams.stall();
    }

    /// How many watches were begun so far.
    pub fn watches(&self) -> u64 {
        self.shared.streams.begun()
    }

    /// Ends all connections and refuses new ones.
    pub fn refuse(&self) -> Result<()> {
        self.order(false)
    }

    /// Listens, on the same port as before. Connections that there are end.
    pub fn accept(&self) -> Result<()> {
        self.order(true)
    }

    /// All requests so far, those with faults among them.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.seen.lock().clone()
    }

    /// How many requests of a kind there were so far.
    pub fn count(&self, requests: &Requests) -> usize {
        let seen = self.shared.seen.lock();
        seen.iter().filter(|it| requests.matches(it)).count()
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    fn push(&self, requests: Requests, fault: Fault, left: Option<usize>) {
        self.shared.rules.lock().push(Rule {
            requests,
            fault,
            left,
        });
    }

    fn order(&self, listen: bool) -> Result<()> {
        let (done, result) = mpsc::channel();
        let gone = "the proxy's thread has ended";
        self.orders.send((listen, done)).ok().context(gone)?;
        Ok(result.recv().context(gone)??)
    }
}

impl Shared {
    /// Records a request and returns its faults.
    fn faults(&self, request: Seen) -> Vec<Fault> {
        let mut faults = Vec::new();
        for rule in self.rules.lock().iter_mut() {
            if rule.left != Some(0) && rule.requests.matches(&request) {
                rule.left = rule.left.map(|left| left - 1);
                faults.push(rule.fault.clone());
            }
        }
        self.seen.lock().push(request);
        faults
    }

    /// Records a connection and returns whether it stays silent.
    fn connected(&self) -> bool {
        // In this order: a test that sees the connection may change the next one.
        let silent = self.silent.load(Ordering::SeqCst);
        self.connections.fetch_add(1, Ordering::SeqCst);
        silent
    }
}
