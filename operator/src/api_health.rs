//! How well the API server does, as the operator's calls and watches see it: for the log in a few
//! lines, for the metrics, and for readiness.

mod failure;
mod outage;
mod watch_failure;
mod watches;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::api_error::{FORBIDDEN, describe};
use crate::metrics::Metrics;
use crate::plan::truncate;
pub use failure::Failure;
use outage::{Line, Outage};
pub use watch_failure::WatchFailure;
pub use watches::WatchGuard;
use watches::Watches;

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
    /// object and attempt would say no more. What the API server said is in the log once.
    pub fn tells(&self, error: &kube::Error) -> bool {
        let failure = Failure::of(error);
        if failure == Some(Failure::InvalidResponse) {
            // Only the reader of the response notices it.
            self.failed(Failure::InvalidResponse);
        }
        let is_part = self.is_part(error);
        if is_part && failure.is_none_or(Failure::has_details) {
            let reason = failure.map_or("Forbidden", Failure::as_str);
            self.error(reason, &describe(error));
        }
        is_part
    }

    /// Whether an error is one of an outage, which is not reported by this.
    pub fn is_part(&self, error: &kube::Error) -> bool {
        match Failure::of(error) {
            // Only its reader counts it, and may not have yet.
            Some(Failure::InvalidResponse) => true,
            Some(_) => self.is_unwell(),
            None => self.is_unwell() && is_forbidden(error),
        }
    }

    fn error(&self, reason: &'static str, text: &str) {
        let line = self.outage.lock().error(reason, truncate(text));
        log(line);
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

    /// The API server has accepted a watch. If the one before failed by what it delivered, it is not
    /// known yet whether this one works.
    pub fn watch_accepted(&self, resource: &str) {
        log_recovery(resource, self.watches.lock().accepted(resource));
    }

    /// A watch works, as its deliveries show.
    pub fn watch_works(&self, resource: &str) {
        log_recovery(resource, self.watches.lock().works(resource));
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
        let is_outage = failure.is_outage;
        if let Some(uncounted) = failure.failure.filter(|_| !is_outage) {
            self.metrics.api_error(uncounted);
        }
        let has_details = failure.failure.is_none_or(Failure::has_details);
        let (reason, message) = (failure.reason, failure.message.clone());
        let is_news = self.watches.lock().failed(resource, failure);
        if is_news && is_outage && has_details {
            self.error(reason, &message);
        }
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

fn log_recovery(resource: &str, failed: Option<WatchFailure>) {
    if failed.is_some_and(|failed| !failed.is_outage) {
        tracing::info!(resource, "the watch works again");
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
        Some(Line::Error(reason, error)) => {
            tracing::warn!(reason, error, "why calls to the API server fail");
        }
        Some(Line::Continues(counts, error)) => tracing::warn!(
            failed = counts.total(),
            seconds = counts.lasted.as_secs(),
            error,
            "calls to the API server still fail: {counts}"
        ),
        Some(Line::Ended(counts)) => tracing::info!(
            failed = counts.total(),
            seconds = counts.lasted.as_secs(),
            "calls to the API server fail no more; there failed: {counts}"
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
    use kube::runtime::watcher::Error::WatchStartFailed;
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_a_starting_api_server_forbids_belongs_to_the_outage() {
        let health = ApiHealth::default();
        let error = |code: u16| {
            let status = json!({ "code": code, "reason": "", "message": "no" });
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

    #[tokio::test(start_paused = true)]
    async fn what_the_api_server_said_is_reported() {
        let health = Arc::new(ApiHealth::default());
        let _guard = health.watch("issuers.signet.dev".to_owned());
        let failed = |message: &str| {
            let status = json!({ "code": 500, "reason": "", "message": message });
            kube::Error::Api(serde_json::from_value(status).unwrap())
        };
        let is_reported = |text: &str| health.outage.lock().has(text);
        let webhook = failed("failed calling webhook");
        assert!(!health.tells(&webhook), "there is no outage to report it");
        health.failed(Failure::ServerError);
        assert!(health.tells(&webhook));
        assert!(is_reported("failed calling webhook"));
        let watch = WatchStartFailed(failed("shutting down"));
        health.watch_failed("issuers.signet.dev", WatchFailure::of(&watch).unwrap());
        assert!(is_reported("shutting down"));
    }
}
