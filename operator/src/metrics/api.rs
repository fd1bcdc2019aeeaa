//! The series about the API server.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::labels::{Label, WatchFailureLabels, WatchLabels};
use super::series::Add;

#[derive(Debug)]
pub(super) struct ApiSeries {
    pub(super) errors: Family<[Label; 1], Counter>,
    pub(super) watch_up: Family<WatchLabels, Gauge>,
    pub(super) watch_failures: Family<WatchFailureLabels, Counter>,
}

impl ApiSeries {
    pub(super) fn registered(add: &mut Add<'_>) -> Self {
        Self {
            errors: add.plain(
                "api_server_errors",
                "Calls that the API server did not answer as it should, by reason",
                Family::default(),
            ),
            watch_up: add.plain(
                "watch_up",
                "Whether the watch of a resource works (1) or fails (0); only on the leader",
                Family::default(),
            ),
            watch_failures: add.plain(
                "watch_failures",
                "Failures of the watch of a resource, each of which is followed by another attempt, \
                 by reason",
                Family::default(),
            ),
        }
    }
}
