//! The operator's metrics.

mod labels;
mod series;

use std::collections::HashSet;

use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use signet_core::reason::Reason;
use signet_core::request::Api;
use signet_keys::ErrorClass;

use crate::issuer_name::IssuerName;
use labels::{IssuerLabels, RequestLabels};
use series::Series;

const OUTCOMES: [&str; 3] = ["waiting", "denied", "issued"];

#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    series: Series,
    /// The issuers that label a series.
    issuers: Mutex<HashSet<IssuerName>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("signet");
        Self {
            series: Series::registered(&mut registry),
            registry,
            issuers: Mutex::default(),
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

    /// Records that a backend signed in this many seconds.
    pub fn signed(&self, backend: &'static str, seconds: f64) {
        let labels = [("backend", backend)];
        self.series.signing.get_or_create(&labels).observe(seconds);
    }

    /// Records an issuer's state: when its CA expires, or none if it cannot sign.
    pub fn issuer(&self, name: &IssuerName, ca_expiry: Option<i64>) {
        self.issuers.lock().insert(name.clone());
        let labels = IssuerLabels::from(name);
        let ready = self.series.issuer_ready.get_or_create(&labels);
        ready.set(i64::from(ca_expiry.is_some()));
        match ca_expiry {
            Some(at) => drop(self.series.ca_expiry.get_or_create(&labels).set(at)),
            None => drop(self.series.ca_expiry.remove(&labels)),
        }
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

    /// Removes the gauges of all issuers: only the replica that leads observes issuers.
    pub fn clear_issuers(&self) {
        self.series.issuer_ready.clear();
        self.series.ca_expiry.clear();
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
        self.series.ca_expiry.remove(&labels);
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

    pub fn conflict(&self) {
        self.series.conflicts.inc();
    }

    /// Returns the text of a scrape, with the current figures.
    pub fn scrape(&self, now: &Now) -> Result<String, std::fmt::Error> {
        self.series.in_flight.set(count(now.in_flight));
        self.series.waiting.set(count(now.waiting));
        self.series.leading.set(i64::from(now.leading));
        self.series.uptime.set(now.uptime);
        self.series.key_queue.clear();
        for (issuer, waiting) in &now.queues {
            let labels = IssuerLabels::from(issuer);
            let length = self.series.key_queue.get_or_create(&labels);
            length.set(count(*waiting));
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
    /// Approved requests without a final result.
    pub waiting: usize,
    pub leading: bool,
    pub uptime: f64,
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{corp, shop_ca};

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
    fn a_scrape_omits_deleted_issuers() {
        let metrics = Metrics::default();
        let issuer = shop_ca();
        metrics.decided(
            Api::CertificateRequest,
            Some(&issuer),
            "issued",
            Reason::Issued,
        );
        metrics.decided(
            Api::CertificateRequest,
            None,
            "waiting",
            Reason::IssuerNotFound,
        );
        metrics.signed("software", 0.000_2);
        metrics.issuer(&issuer, Some(1_800_000_000));
        metrics.bundle(&issuer, Some(true), Some(3));
        metrics.queued("software", 0.2);
        metrics.key_error("awsKms", ErrorClass::Throttled(None));
        let text = metrics.scrape(&now(Some(&issuer))).unwrap();
        for line in [
            r#"signet_requests_total{api="CertificateRequest",issuer_kind="Issuer",issuer_namespace="shop",issuer="ca",outcome="issued",reason="Issued"} 1"#,
            r#"issuer="",outcome="waiting",reason="IssuerNotFound"} 1"#,
            r#"signet_ca_expiry_timestamp_seconds{issuer_kind="Issuer",issuer_namespace="shop",issuer="ca"} 1800000000"#,
            r#"signet_key_queue_length{issuer_kind="Issuer",issuer_namespace="shop",issuer="ca"} 7"#,
            r#"signet_bundle_published{issuer_kind="Issuer",issuer_namespace="shop",issuer="ca"} 1"#,
            r#"signet_bundle_copies_outdated{issuer_kind="Issuer",issuer_namespace="shop",issuer="ca"} 3"#,
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

    #[test]
    fn knows_the_issuers_that_label_a_series() {
        let metrics = Metrics::default();
        metrics.decided(
            Api::CertificateRequest,
            Some(&shop_ca()),
            "issued",
            Reason::Issued,
        );
        metrics.issuer(&corp(), None);
        metrics.issuer(&corp(), Some(1));
        let mut issuers = metrics.issuers();
        issuers.sort();
        assert_eq!(issuers, [shop_ca(), corp()]);
        metrics.forget(&corp());
        assert_eq!(metrics.issuers(), [shop_ca()]);
    }
}
