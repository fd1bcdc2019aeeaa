//! How well the API server does, as the operator's calls and watches see it: for the log in a few
//! lines, for the metrics, and for readiness.

mod failure;
mod outage;
mod watches;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::api_error::FORBIDDEN;
use crate::metrics::Metrics;
pub use failure::{Failure, is_reported_as_outage};
use outage::{Line, Outage};
use watches::Watches;
pub use watches::{WatchFailure, WatchGuard};

#[derive(Debug, Default)]
pub struct ApiHealth {
    outage: Mutex<Outage>,
    watches: Mutex<Watches>,
    metrics: Arc<Metrics>,
}

impl ApiHealth {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            ..Self::default()
        }
    }

    /// Records a call that failed because of the API server, or of the way to it.
    pub fn failed(&self, failure: Failure) {
        self.metrics.api_error(failure);
        log(self.outage.lock().failed(failure, Instant::now()));
    }

    /// Records a call that was answered.
    pub fn answered(&self) {
        log(self.outage.lock().answered(Instant::now()));
    }

    /// Whether an error is part of an outage, which has its own lines in the log; a line for each
    /// object and attempt would say no more.
    pub fn tells(&self, error: &kube::Error) -> bool {
        let failure = Failure::of(error);
        if failure == Some(Failure::InvalidResponse) {
            // Only the reader of the response notices it.
            self.failed(Failure::InvalidResponse);
        }
        failure.is_some() || (self.is_unwell() && is_forbidden(error))
    }

    /// Whether calls have failed lately.
    pub fn is_unwell(&self) -> bool {
        self.outage.lock().is_open()
    }

    /// Begins to report on the watch of a resource, such as `issuers.signet.dev`, until the guard is
    /// dropped.
    pub fn watch(self: &Arc<Self>, resource: String) -> WatchGuard {
        self.watches.lock().begin(&resource);
        WatchGuard::new(self.clone(), resource)
    }

    /// The API server has accepted a watch.
    pub fn watch_works(&self, resource: &str) {
        if let Some(failed) = self.watches.lock().works(resource)
            && !failed.is_outage
        {
            tracing::info!(resource, "the watch works again");
        }
    }

    /// Returns whether each watch works, for the metrics.
    pub fn watches(&self) -> Vec<(String, bool)> {
        self.watches.lock().states()
    }

    /// # Errors
    /// A watch fails.
    pub fn ready(&self) -> Result<(), String> {
        self.watches.lock().ready()
    }

    pub(crate) fn watch_failed(&self, resource: &str, failure: WatchFailure) {
        self.metrics.watch_failure(resource, failure.reason);
        let (is_outage, reason) = (failure.is_outage, failure.reason);
        let message = failure.message.clone();
        let is_news = self.watches.lock().failed(resource, failure);
        if is_news && !is_outage {
            tracing::warn!(
                resource,
                reason,
                message,
                "a watch fails; it is tried again"
            );
        }
    }

    fn watch_ended(&self, resource: &str) {
        self.watches.lock().end(resource);
    }
}

fn log(line: Option<Line>) {
    match line {
        Some(Line::Began(failure)) => tracing::warn!(
            reason = failure.as_str(),
            "{}; calls are repeated, and further ones that fail are counted in \
             signet_api_server_errors_total",
            failure.describe()
        ),
        Some(Line::Continues(counts)) => tracing::warn!(
            failed = counts.total(),
            seconds = counts.lasted.as_secs(),
            "calls to the API server still fail: {counts}"
        ),
        Some(Line::Ended(counts)) => tracing::info!(
            failed = counts.total(),
            seconds = counts.lasted.as_secs(),
            "the API server answers again; there failed: {counts}"
        ),
        None => {}
    }
}

/// An API server that has just started forbids what roles allow, until it has read them.
fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == FORBIDDEN)
}

/// How long a watch may deliver nothing before it is opened again, for calls with this timeout. The
/// API server sends a bookmark each minute, but need not.
pub fn watch_timeout(call_timeout: Duration) -> u32 {
    let seconds = (call_timeout * 3).as_secs().max(1);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_a_starting_api_server_forbids_belongs_to_the_outage() {
        let health = ApiHealth::default();
        let error = |code: u16| {
            let status = json!({ "code": code, "reason": "" });
            kube::Error::Api(serde_json::from_value(status).unwrap())
        };
        assert!(!health.tells(&error(403)), "there is no outage");
        health.failed(Failure::Unreachable);
        health.answered();
        assert!(health.tells(&error(403)));
        assert!(!health.tells(&error(404)));
        tokio::time::advance(Duration::from_secs(10)).await;
        health.answered();
        assert!(!health.tells(&error(403)), "it is over");
    }
}
