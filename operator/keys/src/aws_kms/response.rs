//! What the responses of AWS come to.

use std::error::Error as StdError;
use std::time::{Duration, SystemTime};

use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::error::AwsKmsError;
use crate::cause::{causes, chain, without_times};
use crate::error::KeyError;
use crate::remote::{Redactor, retry_after};

/// The clocks differ by more than AWS tolerates, which is five minutes. From four on, the SDK's
/// client signs its next request with the time of AWS; see `service_clock_skew.rs` of `aws-runtime`.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(4 * 60);

/// The longest request ID that is shown. The server may be anyone's.
const MAX_REQUEST_ID: usize = 64;

#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub(super) struct Failure {
    pub(super) error: KeyError,
    /// The service that may have refused the time of the request. Its client has learned the right
    /// time from the response.
    pub(super) clock_of: Option<Box<str>>,
    /// Whether another login may mend it: these credentials are unknown, wrong or have expired.
    pub(super) needs_login: bool,
}

impl<E: Into<KeyError>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        Self {
            error,
            clock_of: None,
            needs_login: false,
        }
    }
}

/// A service of AWS, as messages name it.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// `AWS KMS in REGION`, for instance.
    pub(super) name: String,
    /// The credentials of its calls.
    pub(super) credentials: String,
    /// What to change when they lack a permission.
    pub(super) allow: &'static str,
    pub(super) redactor: Redactor,
}

impl Service {
    /// What a failed call comes to.
    pub(super) fn failure<E>(&self, error: &SdkError<E, HttpResponse>) -> Failure
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let mut failure = match (own_failure(error), error) {
            (Some(failure), _) => failure,
            (None, SdkError::ServiceError(response)) => {
                self.refused(response.err(), response.raw())
            }
            (None, SdkError::ResponseError(response)) => {
                self.caused_by(self.by_status(None, &Status::of(response.raw())), error)
            }
            _ => {
                let service = self.name.clone();
                self.caused_by(AwsKmsError::NoRequest { service }, error)
            }
        };
        if let Some(id) = error.request_id().filter(|id| is_request_id(id)) {
            failure.error.request_id = Some(id.into());
        }
        failure
    }

    fn caused_by(&self, failure: AwsKmsError, cause: &(dyn StdError + 'static)) -> Failure {
        let cause = self.redactor.line(&chain(cause));
        KeyError::from(failure).caused_by(cause).into()
    }

    fn refused<E: ProvideErrorMetadata>(&self, error: &E, response: &HttpResponse) -> Failure {
        let status = Status::of(response);
        let Some(code) = error.code() else {
            return self.by_status(None, &status).into();
        };
        let detail = match error.message().unwrap_or_default() {
            "" => self.redactor.message(code),
            // The code first: together they are cut.
            message => self.redactor.message(&format!("{code}: {message}")),
        };
        let detail = match code {
            // Their messages may have the time of the request and of AWS in them.
            "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "RequestExpired"
            | "RequestTimeTooSkewed"
            | "ExpiredToken"
            | "ExpiredTokenException" => without_times(&detail),
            _ => detail,
        };
        let error = self.by_code(code, detail, &status);
        let denied = matches!(code, "AccessDenied" | "AccessDeniedException");
        let (may_be_clock, needs_login) = match error {
            AwsKmsError::WrongSecretKey { .. } => (true, true),
            AwsKmsError::WrongClock { .. } => (true, false),
            AwsKmsError::Expired { .. } | AwsKmsError::UnknownCredentials { .. } => (false, true),
            _ => (denied, false),
        };
        Failure {
            error: error.into(),
            clock_of: (may_be_clock && clock_is_off(response)).then(|| self.name.as_str().into()),
            needs_login,
        }
    }

    /// The error of a code of KMS, of STS, or of all services of AWS.
    pub(super) fn by_code(&self, code: &str, detail: String, status: &Status) -> AwsKmsError {
        let (service, credentials) = (self.name.clone(), self.credentials.clone());
        match code {
            "ThrottlingException"
            | "Throttling"
            | "RequestLimitExceeded"
            | "LimitExceeded"
            | "LimitExceededException"
            | "TooManyRequestsException" => AwsKmsError::Throttled {
                service,
                detail,
                retry_after: status.retry_after,
            },
            "KMSInternalException"
            | "KMSInternal"
            | "DependencyTimeoutException"
            | "DependencyTimeout"
            | "KeyUnavailableException"
            | "InternalFailure"
            | "InternalServerError"
            | "ServiceUnavailable"
            | "ServiceUnavailableException"
            | "RequestTimeout"
            | "IDPCommunicationError" => AwsKmsError::ServiceFault { service, detail },
            "NotFoundException" => AwsKmsError::KeyNotFound { service, detail },
            "DisabledException"
            | "KMSInvalidStateException"
            | "InvalidKeyUsageException"
            | "UnsupportedOperationException"
            | "InvalidArnException"
            | "ValidationException" => AwsKmsError::NotSigned { service, detail },
            "ExpiredToken" | "ExpiredTokenException" => AwsKmsError::Expired {
                service,
                detail,
                credentials,
            },
            "InvalidAccessKeyId" | "InvalidClientTokenId" | "UnrecognizedClientException" => {
                AwsKmsError::UnknownCredentials {
                    service,
                    detail,
                    credentials,
                }
            }
            "InvalidSignatureException" | "SignatureDoesNotMatch" => AwsKmsError::WrongSecretKey {
                service,
                detail,
                credentials,
            },
            "RequestExpired" | "RequestTimeTooSkewed" => {
                AwsKmsError::WrongClock { service, detail }
            }
            "OptInRequired" | "RegionDisabledException" => {
                AwsKmsError::RegionDisabled { service, detail }
            }
            "IDPRejectedClaim" | "InvalidIdentityToken" => {
                AwsKmsError::IdentityRefused { service, detail }
            }
            "ValidationError" => AwsKmsError::InvalidRole { service, detail },
            "AccessDenied"
            | "AccessDeniedException"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "InvalidGrantTokenException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "NotAuthorized" => self.denied(detail),
            _ => self.by_status(Some(detail), status),
        }
    }

    /// The error of a code that is in no list, or of a response without an error of AWS. What else
    /// is in that is not shown: a tenant may name any server, and must not read what is there.
    fn by_status(&self, detail: Option<String>, of: &Status) -> AwsKmsError {
        let (service, status) = (self.name.clone(), of.code);
        let shown = || format!("status {status}");
        match (status, detail) {
            (429, detail) => AwsKmsError::Throttled {
                service,
                detail: detail.unwrap_or_else(shown),
                retry_after: of.retry_after,
            },
            (500.., detail) => AwsKmsError::ServiceFault {
                service,
                detail: detail.unwrap_or_else(shown),
            },
            (401 | 403, Some(detail)) => self.denied(detail),
            (_, Some(detail)) => AwsKmsError::UnknownError { service, detail },
            (300..=399, None) => AwsKmsError::Redirect { service, status },
            (_, None) => AwsKmsError::NotAws { service, status },
        }
    }

    fn denied(&self, detail: String) -> AwsKmsError {
        AwsKmsError::Denied {
            service: self.name.clone(),
            detail,
            allow: self.allow,
        }
    }
}

/// What the head of a response says; nothing of a response that the SDK does not show.
#[derive(Default)]
pub(super) struct Status {
    code: u16,
    retry_after: Option<Duration>,
}

impl Status {
    fn of(response: &HttpResponse) -> Self {
        Self {
            code: response.status().as_u16(),
            retry_after: retry_after(response.headers().get("retry-after")),
        }
    }
}

/// What Signet's own code returned inside of the SDK: a login, or the transport.
fn own_failure(error: &(dyn StdError + 'static)) -> Option<Failure> {
    causes(error).find_map(|cause| {
        let failure = cause.downcast_ref::<Failure>().cloned();
        failure.or_else(|| cause.downcast_ref::<KeyError>().cloned().map(Failure::from))
    })
}

fn clock_is_off(response: &HttpResponse) -> bool {
    let date = response.headers().get("date");
    let theirs = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
    let theirs = theirs.and_then(|date| SystemTime::try_from(date).ok());
    theirs.is_some_and(|theirs| {
        let ahead = theirs.duration_since(SystemTime::now());
        ahead.unwrap_or_else(|behind| behind.duration()) > MAX_CLOCK_SKEW
    })
}

fn is_request_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.bytes().all(plain) && text.len() <= MAX_REQUEST_ID
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;
    use crate::key_errors::BackendError;

    fn kms() -> Service {
        Service {
            name: "AWS KMS".to_owned(),
            credentials: "the access key in the Secret aws".to_owned(),
            allow: "allow kms:Sign",
            redactor: Redactor::default(),
        }
    }

    fn of(code: &str) -> AwsKmsError {
        kms().by_code(code, code.to_owned(), &Status::default())
    }

    /// The failure that a response comes to; the clock of AWS is ahead by this.
    fn refused(code: &str, message: &str, ahead: Duration) -> Failure {
        let error = ErrorMetadata::builder().code(code).message(message).build();
        let status = StatusCode::try_from(400).unwrap();
        let mut response = HttpResponse::new(status, SdkBody::empty());
        let date = DateTime::from(SystemTime::now() + ahead);
        let date = date.fmt(Format::HttpDate).unwrap();
        response.headers_mut().insert("date", date);
        kms().refused(&error, &response)
    }

    /// A wrong clock explains no expired token and no missing permission.
    #[test]
    fn a_wrong_clock_hides_no_other_error() {
        for (code, expected, may_be_clock, needs_login) in [
            ("AccessDeniedException", "Denied", true, false),
            ("InvalidSignatureException", "WrongSecretKey", true, true),
            ("RequestExpired", "WrongClock", true, false),
            ("ExpiredTokenException", "Expired", false, true),
            (
                "UnrecognizedClientException",
                "UnknownCredentials",
                false,
                true,
            ),
            ("IncompleteSignature", "Denied", false, false),
        ] {
            for (ahead, is_off) in [(301, true), (0, false)] {
                let failure = refused(code, "no", Duration::from_secs(ahead));
                assert_eq!(failure.error.code, expected, "{code}");
                let clock = failure.clock_of.is_some();
                assert_eq!(clock, may_be_clock && is_off, "{code} {ahead}");
                assert_eq!(failure.needs_login, needs_login, "{code}");
            }
        }
    }

    /// A condition with a time in it would be written at each attempt.
    #[test]
    fn a_refused_time_is_not_shown() {
        let message = |time: &str| {
            let message = format!(
                "Signature expired: {time} is now earlier than 20260901T120500Z \
                 (20260901T121000Z - 5 min.)"
            );
            refused("InvalidSignatureException", &message, Duration::ZERO)
                .error
                .message
        };
        assert_eq!(message("20260901T120000Z"), message("20260901T120007Z"));
        assert!(message("20260901T120000Z").contains("- 5 min."));
    }

    /// A permission does not help an expired credential.
    #[test]
    fn advises_by_the_code() {
        for (code, expected) in [
            ("AccessDeniedException", "Denied"),
            ("ExpiredTokenException", "Expired"),
            ("UnrecognizedClientException", "UnknownCredentials"),
            ("InvalidSignatureException", "WrongSecretKey"),
            ("RequestExpired", "WrongClock"),
            ("OptInRequired", "RegionDisabled"),
            ("IDPRejectedClaim", "IdentityRefused"),
            ("ValidationError", "InvalidRole"),
        ] {
            let error = of(code);
            assert_eq!(error.code(), expected, "{code}");
            let advises_permission = error.to_string().contains("kms:Sign");
            assert_eq!(advises_permission, expected == "Denied", "{error}");
        }
    }
}
