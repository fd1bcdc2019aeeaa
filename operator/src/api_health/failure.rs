//! Which failures are the API server's, and not those of one call.

use http::StatusCode;

use crate::api_client::NoAnswer;

/// Why the API server did not do what a call asked for, whatever the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    Unreachable,
    Timeout,
    Throttled,
    ServerError,
    Unauthorized,
    InvalidResponse,
}

impl Failure {
    /// Its name in metrics and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "Unreachable",
            Self::Timeout => "Timeout",
            Self::Throttled => "Throttled",
            Self::ServerError => "ServerError",
            Self::Unauthorized => "Unauthorized",
            Self::InvalidResponse => "InvalidResponse",
        }
    }

    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Unreachable => "the API server cannot be reached, or ended a connection",
            Self::Timeout => "the API server did not answer in time (--api-server-timeout)",
            Self::Throttled => "the API server throttles the operator",
            Self::ServerError => "the API server answers with errors of its own",
            Self::Unauthorized => {
                "the API server does not accept the operator's credentials: its token is expired or \
                 revoked, or its ServiceAccount is gone"
            }
            Self::InvalidResponse => "the API server answers with what cannot be read",
        }
    }

    /// Whether the text of an error says more than that.
    pub(super) fn has_details(self) -> bool {
        !matches!(self, Self::Timeout | Self::Unauthorized)
    }

    /// Returns the failure that a status stands for; none if it is an answer to the call.
    pub fn of_status(status: StatusCode) -> Option<Self> {
        match status.as_u16() {
            401 => Some(Self::Unauthorized),
            429 => Some(Self::Throttled),
            500.. => Some(Self::ServerError),
            _ => None,
        }
    }

    /// The same for the code in a Status.
    pub(super) fn of_code(code: u16) -> Option<Self> {
        Self::of_status(StatusCode::from_u16(code).unwrap_or(StatusCode::OK))
    }

    /// Returns the failure that an error stands for; none if the API server answered the call.
    pub fn of(error: &kube::Error) -> Option<Self> {
        match error {
            kube::Error::Api(status) => Self::of_code(status.code),
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => Some(Self::InvalidResponse),
            kube::Error::Service(error) if is_timeout(&**error) => Some(Self::Timeout),
            kube::Error::Service(_)
            | kube::Error::HyperError(_)
            | kube::Error::ReadEvents(_)
            | kube::Error::Auth(_) => Some(Self::Unreachable),
            _ => None,
        }
    }
}

fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut error = Some(error);
    while let Some(one) = error {
        if one.is::<NoAnswer>() {
            return true;
        }
        error = one.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_to_the_call_is_no_failure_of_the_api_server() {
        for (code, expected) in [
            (200, None),
            (400, None),
            (401, Some(Failure::Unauthorized)),
            (403, None),
            (404, None),
            (409, None),
            (410, None),
            (422, None),
            (429, Some(Failure::Throttled)),
            (500, Some(Failure::ServerError)),
            (503, Some(Failure::ServerError)),
            (504, Some(Failure::ServerError)),
        ] {
            let status = StatusCode::from_u16(code).unwrap();
            assert_eq!(Failure::of_status(status), expected, "{code}");
            let status = serde_json::from_value(json!({ "code": code, "reason": "" })).unwrap();
            assert_eq!(Failure::of(&kube::Error::Api(status)), expected, "{code}");
        }
        let invalid = serde_json::from_str::<u8>("<html>").unwrap_err();
        let invalid = kube::Error::SerdeError(invalid);
        assert_eq!(Failure::of(&invalid), Some(Failure::InvalidResponse));
        let other = kube::Error::LinesCodecMaxLineLengthExceeded;
        assert_eq!(Failure::of(&other), None);
        let refused = std::io::Error::other("connection refused");
        let refused = kube::Error::Service(Box::new(refused));
        assert_eq!(Failure::of(&refused), Some(Failure::Unreachable));
    }
}
