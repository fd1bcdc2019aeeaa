//! Which watches fail, and why. Pure, except for the guard.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::runtime::watcher;

use super::ApiHealth;
use super::failure::Failure;
use crate::api_error::{BAD_REQUEST, FORBIDDEN, describe};
use crate::discovery::NOT_FOUND;

const GONE: u16 = 410;

/// The watches that there are, each with why it fails if it does.
#[derive(Debug, Default)]
pub(super) struct Watches(BTreeMap<String, Option<WatchFailure>>);

/// Why a watch fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchFailure {
    /// A name, of a closed list.
    pub reason: &'static str,
    pub message: String,
    /// Whether it is reported together with all calls that fail.
    pub(super) is_outage: bool,
}

impl WatchFailure {
    /// Returns why a watch failed; none if it is just to be listed again.
    pub fn of(error: &watcher::Error) -> Option<Self> {
        let code = match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => match error {
                kube::Error::Api(status) => status.code,
                error => return Some(Self::of_call(error)),
            },
            watcher::Error::WatchError(status) => status.code,
            watcher::Error::NoResourceVersion => 0,
        };
        if code == GONE {
            return None;
        }
        let failure = http::StatusCode::from_u16(code).ok();
        let failure = failure.and_then(Failure::of_status);
        let reason = match (code, failure) {
            (_, Some(failure)) => failure.as_str(),
            (BAD_REQUEST, _) => "BadRequest",
            (FORBIDDEN, _) => "Forbidden",
            (NOT_FOUND, _) => "NotServed",
            _ => "Other",
        };
        Some(Self {
            reason,
            message: message(error, code),
            is_outage: failure.is_some(),
        })
    }

    fn of_call(error: &kube::Error) -> Self {
        let failure = Failure::of(error);
        Self {
            reason: failure.map_or("Other", Failure::as_str),
            message: describe(error),
            is_outage: failure.is_some_and(|it| it != Failure::InvalidResponse),
        }
    }
}

fn message(error: &watcher::Error, code: u16) -> String {
    if code == NOT_FOUND {
        return "the API server does not serve it: install the CRDs, or disable what needs it"
            .to_owned();
    }
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => describe(error),
        watcher::Error::WatchError(status) => status.message.clone(),
        watcher::Error::NoResourceVersion => error.to_string(),
    }
}

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
    use serde_json::json;

    use super::*;

    fn failed(code: u16, message: &str) -> watcher::Error {
        let status = json!({ "code": code, "reason": "", "message": message });
        let status = serde_json::from_value(status).unwrap();
        watcher::Error::InitialListFailed(kube::Error::Api(status))
    }

    #[test]
    fn each_cause_has_its_reason_and_an_expired_version_is_none() {
        for (code, reason, is_outage) in [
            (400, "BadRequest", false),
            (401, "Unauthorized", true),
            (403, "Forbidden", false),
            (404, "NotServed", false),
            (429, "Throttled", true),
            (503, "ServerError", true),
            (418, "Other", false),
        ] {
            let failure = WatchFailure::of(&failed(code, "so it is")).unwrap();
            assert_eq!(failure.reason, reason);
            assert_eq!(failure.is_outage, is_outage, "{code}");
            let is_quoted = failure.message.contains("so it is");
            assert_eq!(is_quoted, code != NOT_FOUND, "{code}");
        }
        assert_eq!(WatchFailure::of(&failed(GONE, "too old")), None);
        let invalid = serde_json::from_str::<u8>("<html>").unwrap_err();
        let invalid = watcher::Error::WatchFailed(kube::Error::SerdeError(invalid));
        let invalid = WatchFailure::of(&invalid).unwrap();
        assert_eq!(
            (invalid.reason, invalid.is_outage),
            ("InvalidResponse", false)
        );
    }

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
        health.watch_works("certificaterequests.cert-manager.io");
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
}
