//! Why a watch fails. Pure.

use kube::runtime::watcher;

use super::failure::Failure;
use crate::api_error::{BAD_REQUEST, FORBIDDEN, describe};
use crate::discovery::NOT_FOUND;

const GONE: u16 = 410;

/// Why a watch fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchFailure {
    /// A name, of a closed list.
    pub reason: &'static str,
    pub message: String,
    /// None if it is an answer to this call.
    pub(super) failure: Option<Failure>,
    /// Whether it is counted, and reported, together with all calls that fail.
    pub(super) is_outage: bool,
    /// Whether the watch had been accepted, and failed by what it delivered.
    pub(super) is_delivered: bool,
}

impl WatchFailure {
    /// Returns why a watch failed; none if it is just to be listed again.
    pub fn of(error: &watcher::Error) -> Option<Self> {
        let (code, failure) = match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => (code(error), Failure::of(error)),
            watcher::Error::WatchError(status) => (status.code, Failure::of_code(status.code)),
            watcher::Error::NoResourceVersion => (0, None),
        };
        if code == GONE {
            return None;
        }
        let reason = match (code, failure) {
            (_, Some(failure)) => failure.as_str(),
            (BAD_REQUEST, _) => "BadRequest",
            (FORBIDDEN, _) => "Forbidden",
            (NOT_FOUND, _) => "NotServed",
            _ => "Other",
        };
        let is_delivered = is_delivered(error, failure);
        // Their status was 200, so the client has counted neither.
        let is_hidden = is_delivered || failure == Some(Failure::InvalidResponse);
        Some(Self {
            reason,
            message: message(error, code),
            failure,
            is_outage: failure.is_some() && !is_hidden,
            is_delivered,
        })
    }
}

/// Whether a watch failed by what it delivered, and not by its connection.
fn is_delivered(error: &watcher::Error, failure: Option<Failure>) -> bool {
    match error {
        watcher::Error::WatchError(_) => true,
        watcher::Error::WatchFailed(kube::Error::Api(_)) => true,
        watcher::Error::WatchFailed(_) => {
            !matches!(failure, Some(Failure::Unreachable | Failure::Timeout))
        }
        watcher::Error::InitialListFailed(_)
        | watcher::Error::WatchStartFailed(_)
        | watcher::Error::NoResourceVersion => false,
    }
}

fn code(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        _ => 0,
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

#[cfg(test)]
pub(super) mod tests {
    use kube::core::Status;
    use serde_json::json;

    use super::*;

    fn status(code: u16, message: &str) -> Box<Status> {
        let status = json!({ "code": code, "reason": "", "message": message });
        serde_json::from_value(status).unwrap()
    }

    pub(in crate::api_health) fn failed(code: u16, message: &str) -> watcher::Error {
        watcher::Error::InitialListFailed(kube::Error::Api(status(code, message)))
    }

    /// A watch that was accepted, and delivered this error.
    pub(in crate::api_health) fn delivered(code: u16, message: &str) -> watcher::Error {
        watcher::Error::WatchError(status(code, message))
    }

    pub(in crate::api_health) fn not_json() -> kube::Error {
        kube::Error::SerdeError(serde_json::from_str::<u8>("<html>").unwrap_err())
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
            assert!(!failure.is_delivered);
            let is_quoted = failure.message.contains("so it is");
            assert_eq!(is_quoted, code != NOT_FOUND, "{code}");
            let failure = WatchFailure::of(&delivered(code, "so it is")).unwrap();
            assert_eq!(failure.reason, reason);
            assert!(failure.is_delivered && !failure.is_outage, "{code}");
        }
        assert_eq!(WatchFailure::of(&failed(GONE, "too old")), None);
        assert_eq!(WatchFailure::of(&delivered(GONE, "too old")), None);
    }

    #[test]
    fn what_cannot_be_read_is_no_outage_and_a_cut_is_nothing_delivered() {
        for (error, is_delivered) in [
            (watcher::Error::WatchFailed(not_json()), true),
            (watcher::Error::InitialListFailed(not_json()), false),
        ] {
            let failure = WatchFailure::of(&error).unwrap();
            assert_eq!(failure.reason, "InvalidResponse");
            assert!(!failure.is_outage);
            assert_eq!(failure.is_delivered, is_delivered);
        }
        let cut = kube::Error::ReadEvents(std::io::Error::other("connection reset"));
        let cut = WatchFailure::of(&watcher::Error::WatchFailed(cut)).unwrap();
        assert!(cut.is_outage && !cut.is_delivered);
    }
}
