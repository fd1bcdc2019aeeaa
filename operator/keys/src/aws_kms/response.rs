//! What the responses of AWS come to.

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime};

use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::error::AwsKmsError;
use crate::error::KeyError;
use crate::remote::{Redactor, causes, chain, retry_after};

/// The clocks differ by more than AWS tolerates, which is five minutes. From four on, the SDK's
/// client signs its next request with the time of AWS; see `service_clock_skew.rs` of `aws-runtime`.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(4 * 60);

/// The longest request ID that is shown. The server may be anyone's.
const MAX_REQUEST_ID: usize = 64;

/// A failed call.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) error: KeyError,
    pub(super) remedy: Option<Remedy>,
}

/// What may mend a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Another login: these credentials are unknown, wrong or have expired.
    Login,
    /// The time of AWS, which the client has learned from the response.
    Clock,
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let remedy = None;
        Self { error, remedy }
    }
}

impl From<AwsKmsError> for Failure {
    fn from(error: AwsKmsError) -> Self {
        KeyError::from(error).into()
    }
}

impl From<Failure> for KeyError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl StdError for Failure {}

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
        let mut failure = own_failure(error).unwrap_or_else(|| self.of_sdk(error));
        if let Some(response) = error.raw_response() {
            failure.error.request_id = request_id(response);
        }
        failure
    }

    fn of_sdk<E>(&self, error: &SdkError<E, HttpResponse>) -> Failure
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let service = self.name.clone();
        match error {
            SdkError::ServiceError(response) => self.refused(response.err(), response.raw()),
            SdkError::ResponseError(response) => self.caused_by(self.unread(response.raw()), error),
            _ => self.caused_by(AwsKmsError::NoRequest { service }, error),
        }
    }

    fn caused_by(&self, failure: AwsKmsError, cause: &(dyn StdError + 'static)) -> Failure {
        let cause = self.redactor.line(&chain(cause));
        KeyError::from(failure).caused_by(cause).into()
    }

    fn refused<E: ProvideErrorMetadata>(&self, error: &E, response: &HttpResponse) -> Failure {
        let Some(code) = error.code() else {
            return self.unread(response).into();
        };
        let detail = match error.message().unwrap_or_default() {
            "" => self.redactor.message(code),
            // The code first: together they are cut.
            message => self.redactor.message(&format!("{code}: {message}")),
        };
        let clock_is_off = is_about_time(code) && clock_is_off(response);
        let error = match clock_is_off {
            true => AwsKmsError::WrongClock {
                service: self.name.clone(),
                detail,
            },
            false => self.by_code(code, detail, Some(response)),
        };
        Failure {
            error: error.into(),
            remedy: match clock_is_off {
                true => Some(Remedy::Clock),
                false => is_stale(code).then_some(Remedy::Login),
            },
        }
    }

    /// The error of a code of KMS, of STS, or of all services of AWS.
    pub(super) fn by_code(
        &self,
        code: &str,
        detail: String,
        response: Option<&HttpResponse>,
    ) -> AwsKmsError {
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
                retry_after: response.and_then(wait_of),
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
            _ => self.by_status(detail, response),
        }
    }

    /// The error of a code that is in no list.
    fn by_status(&self, detail: String, response: Option<&HttpResponse>) -> AwsKmsError {
        let service = self.name.clone();
        match response.map_or(400, |response| response.status().as_u16()) {
            429 => AwsKmsError::Throttled {
                service,
                detail,
                retry_after: response.and_then(wait_of),
            },
            500.. => AwsKmsError::ServiceFault { service, detail },
            401 | 403 => self.denied(detail),
            _ => AwsKmsError::UnknownError { service, detail },
        }
    }

    fn denied(&self, detail: String) -> AwsKmsError {
        AwsKmsError::Denied {
            service: self.name.clone(),
            detail,
            allow: self.allow,
        }
    }

    /// A response without an error of AWS. What else is in it is not shown: a tenant may name any
    /// server, and must not read what is there.
    fn unread(&self, response: &HttpResponse) -> AwsKmsError {
        let (service, status) = (self.name.clone(), response.status().as_u16());
        match status {
            429 => AwsKmsError::Throttled {
                service,
                detail: format!("status {status}"),
                retry_after: wait_of(response),
            },
            500.. => AwsKmsError::ServiceFault {
                service,
                detail: format!("status {status}"),
            },
            300..400 => AwsKmsError::Redirect { service, status },
            _ => AwsKmsError::NotAws { service, status },
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

/// Whether other credentials may mend an error of this code: these are unknown, wrong or have
/// expired.
fn is_stale(code: &str) -> bool {
    matches!(
        code,
        "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidAccessKeyId"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
    )
}

/// Whether an error of this code may be about the time of the request.
fn is_about_time(code: &str) -> bool {
    is_stale(code)
        || matches!(
            code,
            "AccessDenied"
                | "AccessDeniedException"
                | "AuthFailure"
                | "RequestExpired"
                | "RequestTimeTooSkewed"
        )
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

fn request_id(response: &HttpResponse) -> Option<Box<str>> {
    let headers = response.headers();
    let names = ["x-amzn-requestid", "x-amz-request-id"];
    let id = names.iter().find_map(|name| headers.get(*name))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (id.bytes().all(plain) && id.len() <= MAX_REQUEST_ID).then(|| id.into())
}

fn wait_of(response: &HttpResponse) -> Option<Duration> {
    retry_after(response.headers().get("retry-after"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_errors::BackendError;

    fn of(code: &str) -> AwsKmsError {
        let service = Service {
            name: "AWS KMS".to_owned(),
            credentials: "the access key in the Secret aws".to_owned(),
            allow: "allow kms:Sign",
            redactor: Redactor::default(),
        };
        service.by_code(code, code.to_owned(), None)
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
