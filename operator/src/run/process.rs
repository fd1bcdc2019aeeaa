//! What belongs to the process and outlives a term of leadership: health and metrics.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use signet_keys::Modules;
use tokio::time::Instant;

use super::admin::AdminState;
use crate::api_health::ApiHealth;
use crate::context::Context;
use crate::health::Health;
use crate::issuer_name::IssuerName;
use crate::metrics::{Metrics, Now, WaitingRequests};
use crate::requests::{CountDue, DueByIssuer};

pub(super) struct Process {
    started: Instant,
    pub(super) health: Arc<Health>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) api: Arc<ApiHealth>,
    /// The PKCS#11 modules, from when the list was read.
    modules: OnceLock<Arc<Modules>>,
    /// What there is to observe while this replica leads.
    term: Mutex<Option<Term>>,
}

struct Term {
    context: Arc<Context>,
    /// Each counts the requests of one API that are due.
    due: Vec<CountDue>,
}

impl Default for Process {
    fn default() -> Self {
        let metrics = Arc::<Metrics>::default();
        Self {
            started: Instant::now(),
            health: Arc::default(),
            api: Arc::new(ApiHealth::new(metrics.clone())),
            metrics,
            modules: OnceLock::new(),
            term: Mutex::default(),
        }
    }
}

impl Process {
    /// Has metrics show the processes of these modules.
    pub(super) fn observe_modules(&self, modules: Arc<Modules>) {
        // Once for each process.
        let _ = self.modules.set(modules);
    }

    pub(super) fn begin_term(&self, context: Arc<Context>, due: Vec<CountDue>) {
        *self.term.lock() = Some(Term { context, due });
    }

    /// Ends a term of leadership: what it observed is the next leader's to report.
    pub(super) fn end_term(&self) {
        *self.term.lock() = None;
        self.health.set_synced(false);
        self.metrics.clear_issuers();
    }

    fn now(&self) -> Now {
        let (queues, waiting) = match &*self.term.lock() {
            Some(term) => (term.queues(), term.waiting()),
            None => (Vec::new(), WaitingRequests::default()),
        };
        Now {
            queues,
            in_flight: self.health.in_flight(),
            waiting,
            leading: self.health.is_leading(),
            watches: self.api.watches(),
            modules: self
                .modules
                .get()
                .map(|it| it.processes())
                .unwrap_or_default(),
            uptime: self.started.elapsed().as_secs_f64(),
            unix_time: jiff::Timestamp::now().as_second(),
        }
    }
}

impl Term {
    /// The length of the queue of each issuer's key.
    fn queues(&self) -> Vec<(IssuerName, usize)> {
        let mut queues = self.context.keyring.queues();
        for (issuer, length) in &mut queues {
            *length += self.context.queued.of(issuer);
        }
        queues
    }

    fn waiting(&self) -> WaitingRequests {
        let mut counts = DueByIssuer::new();
        for count in &self.due {
            count(&mut counts);
        }
        let mut waiting = WaitingRequests::default();
        for (issuer, requests) in counts {
            waiting.add(requests, &self.context.find(&issuer));
        }
        waiting
    }
}

impl AdminState for Process {
    fn live(&self) -> Result<(), String> {
        self.health.live()
    }

    fn ready(&self) -> Result<(), String> {
        // First, as it is the cause if the watches have not listed their objects.
        self.api.ready()?;
        self.health.ready()
    }

    fn metrics(&self) -> Result<String, std::fmt::Error> {
        self.metrics.scrape(&self.now())
    }
}

#[cfg(test)]
mod tests {
    use signet_core::reason::Reason;
    use signet_core::request::Api;

    use super::*;
    use crate::fixtures::corp;
    use crate::metrics::CaGauges;

    #[tokio::test]
    async fn counters_survive_a_term_and_gauges_of_issuers_do_not() {
        let process = Process::default();
        let issued = || {
            let metrics = &process.metrics;
            metrics.decided(
                Api::CertificateRequest,
                Some(&corp()),
                "issued",
                Reason::Issued,
            );
            metrics.issuer(&corp(), true);
            let expiry = Some(1_800_000_000);
            let ca = CaGauges {
                expiry,
                person_deadline: expiry,
                ..CaGauges::default()
            };
            metrics.ca(&corp(), ca);
        };
        let counter = |count| format!("outcome=\"issued\",reason=\"Issued\"}} {count}\n");
        let gauges = [
            "signet_issuer_ready{",
            "signet_ca_expiry_timestamp_seconds{",
            "signet_issuer_person_required_seconds{",
        ];
        process.health.set_leading(true);
        issued();
        let text = process.metrics().unwrap();
        assert!(text.contains("signet_leading 1\n"), "{text}");
        assert!(gauges.iter().all(|gauge| text.contains(gauge)), "{text}");
        process.health.set_leading(false);
        process.end_term();
        let text = process.metrics().unwrap();
        assert!(text.contains("signet_leading 0\n"), "{text}");
        assert!(text.contains(&counter(1)), "{text}");
        assert!(!gauges.iter().any(|gauge| text.contains(gauge)), "{text}");
        process.health.set_leading(true);
        issued();
        assert!(process.metrics().unwrap().contains(&counter(2)));
    }

    /// A new leader is not ready before its watches are complete, as at its first term.
    #[tokio::test]
    async fn is_ready_in_each_term_only_after_its_watches_have_listed() {
        let process = Process::default();
        process.health.set_leading(true);
        process.health.set_synced(true);
        assert_eq!(process.ready(), Ok(()));
        process.health.set_leading(false);
        process.end_term();
        assert_eq!(process.ready(), Ok(()), "a standby is ready");
        process.health.set_leading(true);
        process.ready().unwrap_err();
    }
}
