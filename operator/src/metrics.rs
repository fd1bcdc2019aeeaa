//! Metrics, with labels that cannot grow without bound: issuers that exist, and closed lists.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use signet_core::reason::Reason;
use signet_keys::ErrorClass;

use crate::keyring::IssuerName;

/// The APIs that requests come through.
const APIS: [&str; 2] = ["CertificateRequest", "CertificateSigningRequest"];
/// What comes of a request, as [`Outcome::labels`](crate::request::Outcome::labels) names it.
const OUTCOMES: [&str; 3] = ["waiting", "denied", "issued"];

/// From approval to Ready. Conditions carry whole seconds, so finer buckets would say nothing.
const READY_BUCKETS: [f64; 10] = [1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 300.0, 3600.0];
/// From a key in memory to a slow HSM.
const SIGN_BUCKETS: [f64; 12] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// From a free key to a backend that comes back after an outage.
const QUEUE_BUCKETS: [f64; 9] = [0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0];

/// The labels of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssuerLabels(IssuerName);

impl EncodeLabelSet for IssuerLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        use prometheus_client::encoding::EncodeLabel;
        ("issuer_kind", self.0.kind.as_str()).encode(encoder.encode_label())?;
        ("issuer_namespace", self.0.namespace.as_str()).encode(encoder.encode_label())?;
        ("issuer", self.0.name.as_str()).encode(encoder.encode_label())
    }
}

/// The labels of a decided request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    api: &'static str,
    issuer_kind: &'static str,
    issuer_namespace: String,
    issuer: String,
    outcome: &'static str,
    reason: &'static str,
}

impl RequestLabels {
    fn new(
        api: &'static str,
        issuer: Option<&IssuerName>,
        outcome: &'static str,
        reason: Reason,
    ) -> Self {
        Self {
            api,
            issuer_kind: issuer.map_or("", |issuer| issuer.kind.as_str()),
            issuer_namespace: issuer
                .map(|issuer| issuer.namespace.clone())
                .unwrap_or_default(),
            issuer: issuer.map(|issuer| issuer.name.clone()).unwrap_or_default(),
            outcome,
            reason: reason.as_str(),
        }
    }
}

/// The label of a key backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BackendLabels {
    backend: &'static str,
}

/// The labels of what went wrong with a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct KeyErrorLabels {
    backend: &'static str,
    reason: &'static str,
}

/// The operator's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    approved_to_ready: Histogram,
    signing: Family<BackendLabels, Histogram, fn() -> Histogram>,
    key_queue: Family<IssuerLabels, Gauge>,
    key_queued: Family<BackendLabels, Histogram, fn() -> Histogram>,
    key_errors: Family<KeyErrorLabels, Counter>,
    ca_expiry: Family<IssuerLabels, Gauge>,
    issuer_ready: Family<IssuerLabels, Gauge>,
    in_flight: Gauge,
    waiting: Gauge,
    leading: Gauge,
    conflicts: Counter,
    uptime: Gauge<f64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Mutex::new(Registry::with_prefix("signet")),
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
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = self
            .registry
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        registry.register(
            "requests",
            "Requests that were decided, by issuer, outcome and reason",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "approved_to_ready",
            "Time from a CertificateRequest's approval to its certificate",
            Unit::Seconds,
            self.approved_to_ready.clone(),
        );
        registry.register_with_unit(
            "signing",
            "Time that a key backend took for a signature",
            Unit::Seconds,
            self.signing.clone(),
        );
        self.register_keys();
        let registry = self
            .registry
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        registry.register_with_unit(
            "ca_expiry_timestamp",
            "When the CA certificate of an issuer, or one above it, ends, as Unix time",
            Unit::Seconds,
            self.ca_expiry.clone(),
        );
        registry.register(
            "issuer_ready",
            "Whether an issuer can sign (1) or not (0)",
            self.issuer_ready.clone(),
        );
        registry.register(
            "reconciles_in_flight",
            "Reconciles that are under way",
            self.in_flight.clone(),
        );
        registry.register(
            "requests_waiting",
            "Approved requests without a final answer, queued or put off",
            self.waiting.clone(),
        );
        registry.register(
            "leading",
            "Whether this replica holds the Lease",
            self.leading.clone(),
        );
        registry.register(
            "write_conflicts",
            "Status writes that were thrown away because the object had changed",
            self.conflicts.clone(),
        );
        registry.register_with_unit(
            "uptime",
            "Time since the operator started",
            Unit::Seconds,
            self.uptime.clone(),
        );
    }

    fn register_keys(&mut self) {
        let registry = self
            .registry
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        registry.register(
            "key_queue_length",
            "Requests that wait for their turn at the key of an issuer",
            self.key_queue.clone(),
        );
        registry.register_with_unit(
            "key_queue",
            "Time that requests waited for their turn at a key",
            Unit::Seconds,
            self.key_queued.clone(),
        );
        registry.register(
            "key_errors",
            "What key backends answered instead of a signature or a key, by what follows from it",
            self.key_errors.clone(),
        );
    }

    /// A request waited this many seconds for its turn at a key.
    pub fn queued(&self, backend: &'static str, seconds: f64) {
        self.key_queued
            .get_or_create(&BackendLabels { backend })
            .observe(seconds);
    }

    /// A key did not sign, or could not be connected to or looked at.
    pub fn key_error(&self, backend: &'static str, class: ErrorClass) {
        let reason = class.as_str();
        self.key_errors
            .get_or_create(&KeyErrorLabels { backend, reason })
            .inc();
    }

    /// A request was decided. An issuer that does not exist gives no label: its name is whatever
    /// a requester wrote.
    pub fn decided(
        &self,
        api: &'static str,
        issuer: Option<&IssuerName>,
        outcome: &'static str,
        reason: Reason,
    ) {
        let labels = RequestLabels::new(api, issuer, outcome, reason);
        self.requests.get_or_create(&labels).inc();
    }

    /// A certificate became Ready this many seconds after its approval.
    pub fn ready_after(&self, seconds: f64) {
        self.approved_to_ready.observe(seconds);
    }

    /// A backend signed in this many seconds.
    pub fn signed(&self, backend: &'static str, seconds: f64) {
        self.signing
            .get_or_create(&BackendLabels { backend })
            .observe(seconds);
    }

    /// An issuer's state: when its CA ends, none if it cannot sign.
    pub fn issuer(&self, name: &IssuerName, ca_expiry: Option<i64>) {
        let labels = IssuerLabels(name.clone());
        self.issuer_ready
            .get_or_create(&labels)
            .set(i64::from(ca_expiry.is_some()));
        match ca_expiry {
            Some(at) => drop(self.ca_expiry.get_or_create(&labels).set(at)),
            None => drop(self.ca_expiry.remove(&labels)),
        }
    }

    /// An issuer is gone, and its labels with it.
    pub fn forget(&self, name: &IssuerName) {
        let labels = IssuerLabels(name.clone());
        self.issuer_ready.remove(&labels);
        self.ca_expiry.remove(&labels);
        self.key_queue.remove(&labels);
        // The other labels are closed lists, so that each series can be named.
        for (api, outcome) in APIS
            .iter()
            .flat_map(|api| OUTCOMES.map(|outcome| (*api, outcome)))
        {
            for reason in Reason::ALL {
                self.requests
                    .remove(&RequestLabels::new(api, Some(name), outcome, reason));
            }
        }
    }

    /// A status write met a newer object.
    pub fn conflict(&self) {
        self.conflicts.inc();
    }

    /// The text that a scrape gets, with the figures of the moment.
    ///
    /// # Errors
    /// The text cannot be formed.
    pub fn scrape(&self, now: &Now) -> Result<String, std::fmt::Error> {
        self.in_flight.set(count(now.in_flight));
        self.waiting.set(count(now.waiting));
        self.leading.set(i64::from(now.leading));
        self.uptime.set(now.uptime);
        self.key_queue.clear();
        for (issuer, waiting) in &now.queues {
            self.key_queue
                .get_or_create(&IssuerLabels(issuer.clone()))
                .set(count(*waiting));
        }
        let mut text = String::new();
        encode(
            &mut text,
            &self.registry.lock().unwrap_or_else(PoisonError::into_inner),
        )?;
        Ok(text)
    }
}

/// Figures that are read at the moment of a scrape.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// How many requests wait for their turn at the key of each issuer.
    pub queues: Vec<(IssuerName, usize)>,
    /// Reconciles under way.
    pub in_flight: usize,
    /// Approved requests without a final answer.
    pub waiting: usize,
    /// Whether this replica holds the Lease.
    pub leading: bool,
    /// Seconds since the start.
    pub uptime: f64,
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use signet_api::IssuerKind;

    use super::*;

    fn now(issuer: Option<&IssuerName>) -> Now {
        Now {
            queues: issuer
                .map(|issuer| (issuer.clone(), 7))
                .into_iter()
                .collect(),
            in_flight: 2,
            waiting: 3,
            leading: true,
            uptime: 1.5,
        }
    }

    #[test]
    fn a_scrape_shows_what_happened_and_forgets_what_is_gone() {
        let metrics = Metrics::default();
        let issuer = IssuerName {
            kind: IssuerKind::Issuer,
            namespace: "shop".to_owned(),
            name: "ca".to_owned(),
        };
        metrics.decided(
            "CertificateRequest",
            Some(&issuer),
            "issued",
            Reason::Issued,
        );
        metrics.decided(
            "CertificateRequest",
            None,
            "waiting",
            Reason::IssuerNotFound,
        );
        metrics.signed("software", 0.000_2);
        metrics.issuer(&issuer, Some(1_800_000_000));
        metrics.queued("software", 0.2);
        metrics.key_error("awsKms", ErrorClass::Throttled(None));
        let text = metrics.scrape(&now(Some(&issuer))).unwrap();
        for line in [
            r#"signet_requests_total{api="CertificateRequest",issuer_kind="Issuer",issuer_namespace="shop",issuer="ca",outcome="issued",reason="Issued"} 1"#,
            r#"issuer="",outcome="waiting",reason="IssuerNotFound"} 1"#,
            r#"signet_ca_expiry_timestamp_seconds{issuer_kind="Issuer",issuer_namespace="shop",issuer="ca"} 1800000000"#,
            r#"signet_key_queue_length{issuer_kind="Issuer",issuer_namespace="shop",issuer="ca"} 7"#,
            r#"signet_key_errors_total{backend="awsKms",reason="KeyThrottled"} 1"#,
            "signet_requests_waiting 3",
            "signet_leading 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        metrics.forget(&issuer);
        let text = metrics.scrape(&now(None)).unwrap();
        assert!(!text.contains(r#"issuer_namespace="shop""#), "{text}");
    }
}
