//! What the admin server shows of this process.

use std::sync::Arc;

use tokio::time::Instant;

use crate::admin::Shown;
use crate::context::Context;
use crate::health::Health;
use crate::issuer_name::IssuerName;
use crate::lock::Mutex;
use crate::metrics::{Metrics, Now};

/// How many approved requests have no final answer.
pub(super) type Waiting = Arc<dyn Fn() -> usize + Send + Sync>;

/// The process: what it is while it stands by, and what it works with while it leads.
pub(super) struct Process {
    started: Instant,
    standing_by: (Health, Metrics),
    working: Mutex<Option<(Arc<Context>, Waiting)>>,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            standing_by: Default::default(),
            working: Mutex::default(),
        }
    }
}

impl Process {
    /// This replica leads, with this context.
    pub(super) fn work(&self, context: Arc<Context>, waiting: Waiting) {
        *self.lock() = Some((context, waiting));
    }

    /// This replica stands by again.
    pub(super) fn forget(&self) {
        *self.lock() = None;
    }

    pub(super) fn set_leading(&self, leading: bool) {
        self.with(|health, _, _| health.set_leading(leading));
    }

    pub(super) fn beat(&self) {
        self.standing_by.0.beat();
        self.with(|health, _, _| health.beat());
    }

    fn with<T>(&self, look: impl FnOnce(&Health, &Metrics, &dyn Fn() -> usize) -> T) -> T {
        match &*self.lock() {
            Some((context, waiting)) => look(&context.health, &context.metrics, &**waiting),
            None => look(&self.standing_by.0, &self.standing_by.1, &|| 0),
        }
    }

    fn queues(&self) -> Vec<(IssuerName, usize)> {
        let working = self.lock();
        let queues = working
            .as_ref()
            .map(|(context, _)| context.keyring.queues());
        queues.unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Arc<Context>, Waiting)>> {
        self.working.lock()
    }
}

impl Shown for Process {
    fn live(&self) -> Result<(), String> {
        self.with(|health, _, _| health.live())
    }

    fn ready(&self) -> Result<(), String> {
        self.with(|health, _, _| health.ready().map_err(str::to_owned))
    }

    fn metrics(&self) -> Result<String, std::fmt::Error> {
        let uptime = self.started.elapsed().as_secs_f64();
        let queues = self.queues();
        self.with(|health, metrics, waiting| {
            metrics.scrape(&Now {
                queues,
                in_flight: health.in_flight(),
                waiting: waiting(),
                leading: health.is_leading(),
                uptime,
            })
        })
    }
}
