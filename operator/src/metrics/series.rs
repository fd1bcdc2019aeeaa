//! The series: their names, help texts and buckets.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::labels::{BackendLabels, IssuerLabels, KeyErrorLabels, RequestLabels};

/// From approval to Ready. Conditions have whole seconds, so finer buckets would be meaningless.
const READY_BUCKETS: [f64; 10] = [1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 300.0, 3600.0];
/// From a key in memory to a slow HSM.
const SIGN_BUCKETS: [f64; 12] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// From a free key to a backend that comes back after an outage.
const QUEUE_BUCKETS: [f64; 9] = [0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0];

/// All series.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) requests: Family<RequestLabels, Counter>,
    pub(super) approved_to_ready: Histogram,
    pub(super) signing: Family<BackendLabels, Histogram, fn() -> Histogram>,
    pub(super) key_queue: Family<IssuerLabels, Gauge>,
    pub(super) key_queued: Family<BackendLabels, Histogram, fn() -> Histogram>,
    pub(super) key_errors: Family<KeyErrorLabels, Counter>,
    pub(super) ca_expiry: Family<IssuerLabels, Gauge>,
    pub(super) issuer_ready: Family<IssuerLabels, Gauge>,
    pub(super) in_flight: Gauge,
    pub(super) waiting: Gauge,
    pub(super) leading: Gauge,
    pub(super) conflicts: Counter,
    pub(super) uptime: Gauge<f64, AtomicU64>,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            approved_to_ready: Histogram::new(READY_BUCKETS),
            signing: Family::new_with_constructor(|| Histogram::new(SIGN_BUCKETS)),
            key_queue: Family::default(),
            key_queued: Family::new_with_constructor(|| Histogram::new(QUEUE_BUCKETS)),
            key_errors: Family::default(),
            ca_expiry: Family::default(),
            issuer_ready: Family::default(),
            in_flight: Gauge::default(),
            waiting: Gauge::default(),
            leading: Gauge::default(),
            conflicts: Counter::default(),
            uptime: Gauge::default(),
        }
    }
}

impl Series {
    /// Registers each series under its name.
    pub(super) fn register(&self, registry: &mut Registry) {
        self.register_requests(registry);
        self.register_keys(registry);
        self.register_issuers(registry);
        self.register_operator(registry);
    }

    fn register_requests(&self, registry: &mut Registry) {
        registry.register(
            "requests",
            "Decisions about requests, by issuer, outcome and reason",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "approved_to_ready",
            "Time from the approval of a CertificateRequest to its certificate",
            Unit::Seconds,
            self.approved_to_ready.clone(),
        );
        registry.register(
            "requests_waiting",
            "Approved requests without a final result: queued, or waiting to be retried",
            self.waiting.clone(),
        );
    }

    fn register_keys(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "signing",
            "Time that a key backend took for a signature, including retries",
            Unit::Seconds,
            self.signing.clone(),
        );
        registry.register(
            "key_queue_length",
            "Requests in the queue of an issuer's key",
            self.key_queue.clone(),
        );
        registry.register_with_unit(
            "key_queue",
            "Time that requests waited in the queue of a key",
            Unit::Seconds,
            self.key_queued.clone(),
        );
        registry.register(
            "key_errors",
            "Failures to connect to a key, check it or sign with it, by the reason in conditions",
            self.key_errors.clone(),
        );
    }

    fn register_issuers(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "ca_expiry_timestamp",
            "Expiry of an issuer's CA certificate, or of one above it if that is earlier, as Unix time",
            Unit::Seconds,
            self.ca_expiry.clone(),
        );
        registry.register(
            "issuer_ready",
            "Whether an issuer can sign (1) or not (0)",
            self.issuer_ready.clone(),
        );
    }

    fn register_operator(&self, registry: &mut Registry) {
        registry.register(
            "reconciles_in_flight",
            "Reconciles in flight",
            self.in_flight.clone(),
        );
        registry.register(
            "leading",
            "Whether this replica holds the Lease",
            self.leading.clone(),
        );
        registry.register(
            "write_conflicts",
            "Status writes that were discarded because the object had changed",
            self.conflicts.clone(),
        );
        registry.register_with_unit(
            "uptime",
            "Time since the operator started",
            Unit::Seconds,
            self.uptime.clone(),
        );
    }
}
