//! The series: their names, help texts and buckets.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};

use super::api::ApiSeries;
use super::ca::CaSeries;
use super::labels::{IssuerLabels, Label, RequestLabels};
use super::modules::ModuleSeries;
use super::signatures::{self, SignatureSeries};
use super::waiting::WaitingSeries;

/// From approval to Ready. Conditions have whole seconds, so finer buckets would be meaningless.
const READY_BUCKETS: [f64; 10] = [1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 300.0, 3600.0];
/// From a key in memory to a slow HSM.
const SIGN_BUCKETS: [f64; 12] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// From a free key to a backend that comes back after an outage.
const QUEUE_BUCKETS: [f64; 9] = [0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0];

#[derive(Debug)]
pub(super) struct Series {
    pub(super) requests: Family<RequestLabels, Counter>,
    pub(super) approved_to_ready: Histogram,
    pub(super) signing: Family<[Label; 1], Histogram, fn() -> Histogram>,
    pub(super) key_queue: Family<IssuerLabels, Gauge>,
    pub(super) key_queued: Family<[Label; 1], Histogram, fn() -> Histogram>,
    pub(super) signatures: SignatureSeries,
    pub(super) key_errors: Family<[Label; 2], Counter>,
    pub(super) ca: CaSeries,
    pub(super) issuer_ready: Family<IssuerLabels, Gauge>,
    pub(super) bundle_published: Family<IssuerLabels, Gauge>,
    pub(super) bundle_copies: Family<IssuerLabels, Gauge>,
    pub(super) in_flight: Gauge,
    pub(super) waiting: WaitingSeries,
    pub(super) leading: Gauge,
    pub(super) conflicts: Counter,
    pub(super) api: ApiSeries,
    pub(super) modules: ModuleSeries,
    pub(super) uptime: Gauge<f64, AtomicU64>,
}

impl Series {
    /// Registers each series under its name.
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let mut add = Add(registry);
        Self {
            requests: add.plain(
                "requests",
                "Decisions about requests, by issuer, outcome and reason",
                Family::default(),
            ),
            approved_to_ready: add.seconds(
                "approved_to_ready",
                "Time from the approval of a CertificateRequest to its certificate",
                Histogram::new(READY_BUCKETS),
            ),
            waiting: WaitingSeries::registered(&mut add),
            signing: add.seconds(
                "signing",
                "Time that a key backend took for a signature, including retries",
                Family::new_with_constructor(|| Histogram::new(SIGN_BUCKETS)),
            ),
            key_queue: add.plain(
                "key_queue_length",
                "Requests in the queue of an issuer's key",
                Family::default(),
            ),
            key_queued: add.seconds(
                "key_queue",
                "Time that requests waited in the queue of a key",
                Family::new_with_constructor(|| Histogram::new(QUEUE_BUCKETS)),
            ),
            signatures: signatures::registered(&mut add),
            key_errors: add.plain(
                "key_errors",
                "Failures to connect to a key, check it or sign with it, by the reason in conditions",
                Family::default(),
            ),
            ca: CaSeries::registered(&mut add),
            issuer_ready: add.plain(
                "issuer_ready",
                "Whether an issuer can sign (1) or not (0)",
                Family::default(),
            ),
            bundle_published: add.plain(
                "bundle_published",
                "Whether the object with an issuer's trust bundle is up to date (1) or not (0)",
                Family::default(),
            ),
            bundle_copies: add.plain(
                "bundle_copies_outdated",
                "Copies of an issuer's trust bundle that are missing or not up to date",
                Family::default(),
            ),
            in_flight: add.plain(
                "reconciles_in_flight",
                "Reconciles in flight",
                Gauge::default(),
            ),
            leading: add.plain(
                "leading",
                "Whether this replica holds the Lease",
                Gauge::default(),
            ),
            conflicts: add.plain(
                "write_conflicts",
                "Status writes that were discarded because the object had changed",
                Counter::default(),
            ),
            api: ApiSeries::registered(&mut add),
            modules: ModuleSeries::registered(&mut add),
            uptime: add.seconds(
                "uptime",
                "Time since the operator started",
                Gauge::default(),
            ),
        }
    }
}

pub(super) struct Add<'a>(&'a mut Registry);

impl Add<'_> {
    pub(super) fn plain<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }

    pub(super) fn bytes<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        let unit = Unit::Bytes;
        self.0.register_with_unit(name, help, unit, metric.clone());
        metric
    }

    pub(super) fn seconds<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        let unit = Unit::Seconds;
        self.0.register_with_unit(name, help, unit, metric.clone());
        metric
    }
}
