//! The operator's metrics.

mod api;
mod ca;
mod labels;
mod modules;
mod series;
mod signatures;
#[cfg(test)]
mod tests;
mod waiting;

use std::collections::HashSet;

use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use signet_core::reason::Reason;
use signet_core::request::Api;
use signet_keys::{ErrorClass, ModuleProcess};

use crate::api_health::Failure;
use crate::issuer_name::IssuerName;
use ca::Cas;
pub use ca::{CaGauges, GenerationGauge};
use labels::{IssuerLabels, RequestLabels, WatchFailureLabels, WatchLabels};
use series::Series;
use signatures::Signatures;
pub use waiting::WaitingRequests;

const OUTCOMES: [&str; 3] = ["waiting", "denied", "issued"];

#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    series: Series,
    /// The issuers that label a series.
    issuers: Mutex<HashSet<IssuerName>>,
    cas: Cas,
    signatures: Signatures,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("signet");
        Self {
            series: Series::registered(&mut registry),
            registry,
            issuers: Mutex::default(),
            cas: Cas::default(),
            signatures: Signatures::default(),
        }
    }
}

impl Metrics {
    /// Records that a request waited this many seconds in the queue of a key.
    pub fn queued(&self, backend: &'static str, seconds: f64) {
        let labels = [("backend", backend)];
        let queued = self.series.key_queued.get_or_create(&labels);
        queued.observe(seconds);
    }

    /// Records that a key did not sign, or that connecting to it or checking it failed.
    pub fn key_error(&self, backend: &'static str, class: ErrorClass) {
        let labels = [("backend", backend), ("reason", class.as_str())];
        self.series.key_errors.get_or_create(&labels).inc();
    }

    /// Records a decision about a request. An issuer that does not exist has no label, because a
    /// requester can write any name.
    pub fn decided(
        &self,
        api: Api,
        issuer: Option<&IssuerName>,
        outcome: &'static str,
        reason: Reason,
    ) {
        if let Some(issuer) = issuer {
            self.issuers.lock().insert(issuer.clone());
        }
        let labels = RequestLabels::new(api, issuer, outcome, reason);
        self.series.requests.get_or_create(&labels).inc();
    }

    /// Records that a certificate became Ready this many seconds after its approval.
    pub fn ready_after(&self, seconds: f64) {
        self.series.approved_to_ready.observe(seconds);
    }

    /// Records that an issuer's key signed for a namespace, or for a user without one, in this many
    /// seconds.
    pub fn signed(
        &self,
        (issuer, backend): (&IssuerName, &'static str),
        namespace: Option<&str>,
        seconds: f64,
    ) {
        self.issuers.lock().insert(issuer.clone());
        let namespace = namespace.unwrap_or_default();
        self.signatures
            .count(issuer, namespace, &self.series.signatures);
        let labels = [("backend", backend)];
        self.series.signing.get_or_create(&labels).observe(seconds);
    }

    /// Records whether an issuer can sign.
    pub fn issuer(&self, name: &IssuerName, is_ready: bool) {
        self.issuers.lock().insert(name.clone());
        let labels = IssuerLabels::from(name);
        let ready = self.series.issuer_ready.get_or_create(&labels);
        ready.set(i64::from(is_ready));
    }

    /// Records what is known of an issuer's CA, whether or not it can sign.
    pub fn ca(&self, name: &IssuerName, gauges: CaGauges) {
        self.issuers.lock().insert(name.clone());
        self.cas.set(name, gauges, &self.series.ca);
    }

    /// Records whether the bundle of an issuer is in its object (none if it has none), and how many
    /// copies are not up to date (none if they were not looked at).
    pub fn bundle(&self, name: &IssuerName, is_published: Option<bool>, outdated: Option<usize>) {
        let Some(is_published) = is_published else {
            return self.forget_bundle(name);
        };
        self.issuers.lock().insert(name.clone());
        let labels = IssuerLabels::from(name);
        let published = self.series.bundle_published.get_or_create(&labels);
        published.set(i64::from(is_published));
        if let Some(outdated) = outdated {
            let copies = self.series.bundle_copies.get_or_create(&labels);
            copies.set(count(outdated));
        }
    }

    fn forget_bundle(&self, name: &IssuerName) {
        let labels = IssuerLabels::from(name);
        self.series.bundle_published.remove(&labels);
        self.series.bundle_copies.remove(&labels);
    }

    /// Records how much belongs to issuers that do not exist.
    pub fn orphans(&self, generations: usize, bundles: usize) {
        self.series.ca.orphaned_generations.set(count(generations));
        self.series.ca.orphaned_bundles.set(count(bundles));
    }

    /// Removes the gauges of all issuers: only the replica that leads observes issuers.
    pub fn clear_issuers(&self) {
        self.series.issuer_ready.clear();
        self.cas.clear(&self.series.ca);
        self.orphans(0, 0);
        self.series.bundle_published.clear();
        self.series.bundle_copies.clear();
        self.series.key_queue.clear();
    }

    /// The issuers that label a series.
    pub fn issuers(&self) -> Vec<IssuerName> {
        self.issuers.lock().iter().cloned().collect()
    }

    pub fn forget(&self, name: &IssuerName) {
        self.issuers.lock().remove(name);
        self.forget_bundle(name);
        let labels = IssuerLabels::from(name);
        self.series.issuer_ready.remove(&labels);
        self.signatures.forget(name, &self.series.signatures);
        self.cas.forget(name, &self.series.ca);
        self.series.key_queue.remove(&labels);
        // The other labels are closed lists, so that each series can be named.
        let outcomes = Api::ALL.into_iter();
        for (api, outcome) in outcomes.flat_map(|api| OUTCOMES.map(|outcome| (api, outcome))) {
            for reason in Reason::ALL {
                let labels = RequestLabels::new(api, Some(name), outcome, reason);
                self.series.requests.remove(&labels);
            }
        }
    }

    /// Records a call that the API server did not answer as it should.
    pub fn api_error(&self, failure: Failure) {
        let labels = [("reason", failure.as_str())];
        self.series.api.errors.get_or_create(&labels).inc();
    }

    /// Records that the watch of a resource failed.
    pub fn watch_failure(&self, resource: &str, reason: &'static str) {
        let labels = WatchFailureLabels::new(resource, reason);
        self.series.api.watch_failures.get_or_create(&labels).inc();
    }

    pub fn conflict(&self) {
        self.series.conflicts.inc();
    }

    /// Returns the text of a scrape, with the current figures.
    pub fn scrape(&self, now: &Now) -> Result<String, std::fmt::Error> {
        self.series.in_flight.set(count(now.in_flight));
        self.series.waiting.set(&now.waiting);
        self.series.leading.set(i64::from(now.leading));
        self.series.uptime.set(now.uptime);
        self.series.api.watch_up.clear();
        for (resource, works) in &now.watches {
            let up = self
                .series
                .api
                .watch_up
                .get_or_create(&WatchLabels::new(resource));
            up.set(i64::from(*works));
        }
        self.series.key_queue.clear();
        for (issuer, waiting) in &now.queues {
            let labels = IssuerLabels::from(issuer);
            let length = self.series.key_queue.get_or_create(&labels);
            length.set(count(*waiting));
        }
        self.series.modules.set(&now.modules);
        for (issuer, deadline) in self.cas.deadlines() {
            let labels = IssuerLabels::from(&issuer);
            let left = deadline.saturating_sub(now.unix_time).max(0);
            self.series.ca.person.get_or_create(&labels).set(left);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Figures that are read at each scrape.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// The number of requests in the queue of each issuer's key.
    pub queues: Vec<(IssuerName, usize)>,
    pub in_flight: usize,
    pub waiting: WaitingRequests,
    pub leading: bool,
    pub uptime: f64,
    /// Whether the watch of each resource works.
    pub watches: Vec<(String, bool)>,
    /// The processes of PKCS#11 modules.
    pub modules: Vec<ModuleProcess>,
    pub unix_time: i64,
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
