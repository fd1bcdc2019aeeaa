//! The series about the requests that wait.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use signet_core::reason::Reason;

use super::count;
use super::labels::Label;
use super::series::Add;
use crate::keyring::IssuerLookup;

/// How many approved requests without a final result there are, by what they wait for.
///
/// Users whose requests are approved can have one wait for an issuer that does not exist, for as long
/// as they want. So these are apart: an alert should not count them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitingRequests {
    /// For their turn, or to be tried again.
    queued: usize,
    issuer_not_ready: usize,
    issuer_not_found: usize,
}

impl WaitingRequests {
    /// Counts the requests to one issuer, which is in this state.
    pub fn add(&mut self, requests: usize, issuer: &IssuerLookup) {
        *match issuer {
            IssuerLookup::Ready(_) => &mut self.queued,
            IssuerLookup::NotReady(_) | IssuerLookup::NotObserved => &mut self.issuer_not_ready,
            IssuerLookup::Missing => &mut self.issuer_not_found,
        } += requests;
    }
}

#[derive(Debug)]
pub(super) struct WaitingSeries(Family<[Label; 1], Gauge>);

impl WaitingSeries {
    pub(super) fn registered(add: &mut Add<'_>) -> Self {
        Self(add.plain(
            "requests_waiting",
            "Approved requests without a final result, by reason: the issuer does not exist, or is \
             not ready, or they are queued or waiting to be retried",
            Family::default(),
        ))
    }

    /// Shows all reasons, those without a request as well, so that a sum has no gaps.
    pub(super) fn set(&self, now: &WaitingRequests) {
        for (reason, requests) in [
            ("Queued", now.queued),
            (Reason::IssuerNotReady.as_str(), now.issuer_not_ready),
            (Reason::IssuerNotFound.as_str(), now.issuer_not_found),
        ] {
            let gauge = self.0.get_or_create(&[("reason", reason)]);
            gauge.set(count(requests));
        }
    }
}
