//! Which watches fail. Pure, except for the guard.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::runtime::watcher;

use super::ApiHealth;
use super::watch_failure::WatchFailure;

/// The watches that there are, each with why it fails if it does.
#[derive(Debug, Default)]
pub(super) struct Watches(BTreeMap<String, Option<WatchFailure>>);

impl Watches {
    pub(super) fn begin(&mut self, resource: &str) {
        self.0.insert(resource.to_owned(), None);
    }

    /// Returns whether the reason is a new one.
    pub(super) fn failed(&mut self, resource: &str, failure: WatchFailure) -> bool {
        let Some(state) = self.0.get_mut(resource) else {
            return false;
        };
        let is_news = state
            .as_ref()
            .is_none_or(|before| before.reason != failure.reason);
        *state = Some(failure);
        is_news
    }

    /// A watch was accepted. Returns why it failed before, if it does not any more.
    pub(super) fn accepted(&mut self, resource: &str) -> Option<WatchFailure> {
        let state = self.0.get_mut(resource)?;
        state.take_if(|failure| !failure.is_delivered)
    }

    /// Returns why it failed before.
    pub(super) fn works(&mut self, resource: &str) -> Option<WatchFailure> {
        self.0.get_mut(resource)?.take()
    }

    pub(super) fn end(&mut self, resource: &str) {
        self.0.remove(resource);
    }

    pub(super) fn states(&self) -> Vec<(String, bool)> {
        let states = self.0.iter();
        states
            .map(|(resource, failure)| (resource.clone(), failure.is_none()))
            .collect()
    }

    pub(super) fn ready(&self) -> Result<(), String> {
        let failing = self.0.iter().filter_map(|(resource, failure)| {
            let WatchFailure {
                reason, message, ..
            } = failure.as_ref()?;
            Some(format!(
                "the watch of {resource} fails: {reason}: {message}"
            ))
        });
        match failing.collect::<Vec<_>>() {
            failing if failing.is_empty() => Ok(()),
            failing => Err(failing.join("\n")),
        }
    }
}

/// The report on one watch.
#[derive(Debug)]
pub struct WatchGuard {
    health: Arc<ApiHealth>,
    resource: String,
}

impl WatchGuard {
    pub(super) fn new(health: Arc<ApiHealth>, resource: String) -> Self {
        Self { health, resource }
    }

    /// Records what a watch delivered. That it works again is known from its call, or from an object:
    /// what begins a listing comes before its first page.
    pub fn observe<K>(&self, event: &watcher::Result<watcher::Event<K>>) {
        match event {
            Ok(watcher::Event::Init) => {}
            Ok(_) => self.health.watch_works(&self.resource),
            Err(error) => {
                if let Some(failure) = WatchFailure::of(error) {
                    self.health.watch_failed(&self.resource, failure);
                }
            }
        }
    }
}

impl Drop for WatchGuard {
    fn drop(&mut self) {
        self.health.watch_ended(&self.resource);
    }
}

#[cfg(test)]
mod tests {
    use super::super::watch_failure::tests::{delivered, failed, not_json};
    use super::*;

    #[test]
    fn readiness_follows_the_watches_in_both_directions() {
        let health = Arc::new(ApiHealth::default());
        let guard = health.watch("issuers.signet.dev".to_owned());
        let other = health.watch("certificaterequests.cert-manager.io".to_owned());
        let event = |event: watcher::Event<()>| Ok(event);
        assert_eq!(health.ready(), Ok(()));
        other.observe::<()>(&Err(failed(403, "no list for you")));
        let why = health.ready().unwrap_err();
        assert!(why.starts_with("the watch of certificaterequests"), "{why}");
        assert!(why.ends_with("Forbidden: no list for you"), "{why}");
        guard.observe(&event(watcher::Event::Apply(())));
        other.observe(&event(watcher::Event::Init));
        health.ready().unwrap_err();
        let states = [
            ("certificaterequests.cert-manager.io", false),
            ("issuers.signet.dev", true),
        ];
        let states = states.map(|(resource, works)| (resource.to_owned(), works));
        assert_eq!(health.watches(), states);
        // A resumed watch delivers nothing at first.
        health.watch_accepted("certificaterequests.cert-manager.io");
        assert_eq!(health.ready(), Ok(()));
        other.observe::<()>(&Err(failed(404, "")));
        drop(other);
        assert_eq!(
            health.ready(),
            Ok(()),
            "a watch that ended is not one that fails"
        );
    }

    #[test]
    fn a_reason_is_news_once() {
        let mut watches = Watches::default();
        watches.begin("a");
        let failure = |code| WatchFailure::of(&failed(code, "")).unwrap();
        assert!(watches.failed("a", failure(403)));
        assert!(!watches.failed("a", failure(403)));
        assert!(watches.failed("a", failure(404)));
        assert_eq!(watches.works("a").unwrap().reason, "NotServed");
        assert_eq!(watches.works("a"), None);
        assert!(watches.failed("a", failure(404)));
        assert!(!watches.failed("b", failure(404)), "there is no such watch");
    }
    /// A watch that is accepted, and delivers an error or what cannot be read, each time.
    #[test]
    fn a_watch_that_fails_after_it_was_accepted_does_not_flap() {
        let metrics = Arc::new(crate::metrics::Metrics::default());
        let health = Arc::new(ApiHealth::new(metrics.clone()));
        let guard = health.watch("issuers.signet.dev".to_owned());
        for error in [
            delivered(403, "no"),
            delivered(500, "etcd"),
            watcher::Error::WatchFailed(not_json()),
        ] {
            let error = Err(error);
            for _ in 0..3 {
                guard.observe::<()>(&error);
                health.watch_accepted("issuers.signet.dev");
                guard.observe::<()>(&Ok(watcher::Event::Init));
                health.ready().unwrap_err();
            }
            guard.observe(&Ok(watcher::Event::Apply(())));
            assert_eq!(health.ready(), Ok(()));
        }
        assert!(!health.is_unwell(), "each has its own line");
        let text = metrics.scrape(&crate::metrics::Now::default()).unwrap();
        for counted in [
            "signet_api_server_errors_total{reason=\"InvalidResponse\"} 3",
            "signet_api_server_errors_total{reason=\"ServerError\"} 3",
        ] {
            assert!(text.contains(counted), "{counted}: {text}");
        }
    }
}
