//! What AWS's errors come to.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::{Duration, SystemTime};

use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::advice::{advice, is_about_time};
use super::class::{class, is_stale};
use super::redact::Redact;
use crate::error::{ErrorClass, KeyError};
use crate::remote::{RESPONSE, Unresolved, causes, chain, retry_after};

/// A failed call.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) error: KeyError,
    pub(super) remedy: Option<Remedy>,
}

/// What may mend a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Other credentials: these are unknown, wrong or have expired.
    Login,
    /// Another connection: this one is silent.
    Connection,
    /// The time of AWS, which the client has learned from the response.
    Clock,
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let remedy = None;
        Self { error, remedy }
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

/// A service of AWS, as sentences name it.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// `AWS KMS in REGION`, or where else it is.
    pub(super) name: String,
    /// The credentials of its calls, as messages name them.
    pub(super) credentials: String,
    /// What to change when they lack a permission.
    pub(super) allow: &'static str,
    pub(super) redact: Redact,
}

impl Service {
    /// What a failed call comes to.
    pub(super) fn failure<E>(&self, error: &SdkError<E, HttpResponse>) -> Failure
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        if let Some(own) = own_failure(error) {
            return own;
        }
        let mut failure = self.failed(error);
        if !matches!(error, SdkError::ServiceError(_)) {
            let cause = self.redact.shown_cause(&chain(error));
            failure.error = failure.error.caused_by(cause);
        }
        failure.error.request_id = error.raw_response().and_then(request_id);
        failure
    }

    fn failed<E>(&self, error: &SdkError<E, HttpResponse>) -> Failure
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let Self { name, .. } = self;
        match error {
            SdkError::TimeoutError(_) => self.silent(),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => self.silent(),
            SdkError::DispatchFailure(_) => {
                let sentence = format!("{name} cannot be reached: {}", unreached(error));
                KeyError::new(ErrorClass::Unreachable, sentence).into()
            }
            SdkError::ServiceError(answer) => self.answered(answer.err(), answer.raw()),
            SdkError::ResponseError(answer) if broke_off(error) => {
                let status = answer.raw().status().as_u16();
                let sentence = format!("{name} broke off in the middle of an answer ({status})");
                KeyError::new(ErrorClass::Unreachable, sentence).into()
            }
            SdkError::ResponseError(answer) => self.unread(answer.raw()),
            _ => {
                let sentence = format!(
                    "no request can be made for {name}; check the fields of awsKms and the \
                     credentials"
                );
                KeyError::new(ErrorClass::KeyUnusable, sentence).into()
            }
        }
    }

    /// The answer came, and is none that was expected.
    pub(super) fn wrong(&self, why: impl fmt::Display) -> KeyError {
        let sentence = format!("{} {why}; is the endpoint that of AWS?", self.name);
        KeyError::new(ErrorClass::InvalidResponse, sentence)
    }

    fn silent(&self) -> Failure {
        let sentence = format!(
            "{} did not answer within {} s",
            self.name,
            RESPONSE.as_secs()
        );
        Failure {
            error: KeyError::new(ErrorClass::Unreachable, sentence),
            remedy: Some(Remedy::Connection),
        }
    }

    fn answered<E: ProvideErrorMetadata>(&self, error: &E, response: &HttpResponse) -> Failure {
        let Some(code) = error.code() else {
            return self.unread(response);
        };
        let status = response.status().as_u16();
        let said = match error.message().unwrap_or_default() {
            "" => self.redact.shown(code),
            // The code first: together they are cut.
            message => self.redact.shown(&format!("{code}: {message}")),
        };
        let name = &self.name;
        let class = class(code, status, wait_of(response));
        let clock_is_off = clock_is_off(response);
        let sentence = match class {
            ErrorClass::Throttled(_) => format!("{name} asks for patience: {said}"),
            ErrorClass::Unreachable => format!("{name} has a fault of its own: {said}"),
            ErrorClass::CredentialsRefused => {
                let advice = advice(code, clock_is_off, &self.credentials, self.allow);
                format!("{name} refuses the credentials: {said}; {advice}")
            }
            ErrorClass::KeyNotFound => format!(
                "{name} has no such key: {said}; correct keyId and region, and the account by \
                 roleArn or credentials"
            ),
            ErrorClass::KeyUnusable => format!("{name} does not sign with the key: {said}"),
            ErrorClass::InvalidResponse => return self.wrong(format!("answers: {said}")).into(),
        };
        Failure {
            error: KeyError::new(class, sentence),
            remedy: match is_about_time(code) && clock_is_off {
                true => Some(Remedy::Clock),
                false => is_stale(code).then_some(Remedy::Login),
            },
        }
    }

    /// An answer without an error of AWS in it. What else is in it is not shown: an issuer is no
    /// window into the network.
    fn unread(&self, response: &HttpResponse) -> Failure {
        let status = response.status().as_u16();
        let name = &self.name;
        match status {
            429 => {
                let class = ErrorClass::Throttled(wait_of(response));
                KeyError::new(class, format!("{name} asks for patience ({status})")).into()
            }
            500.. => {
                let sentence = format!("{name} has a fault of its own ({status})");
                KeyError::new(ErrorClass::Unreachable, sentence).into()
            }
            300..400 => {
                let why = format!("answers with a redirect ({status}), which is not followed");
                self.wrong(why).into()
            }
            _ => self
                .wrong(format!("answers in no form of AWS ({status})"))
                .into(),
        }
    }
}

/// What Signet's own code said inside of the SDK: a login, or a resolver.
fn own_failure(error: &(dyn StdError + 'static)) -> Option<Failure> {
    causes(error).find_map(|cause| {
        let failure = cause.downcast_ref::<Failure>().cloned();
        failure.or_else(|| cause.downcast_ref::<KeyError>().cloned().map(Failure::from))
    })
}

/// The cause of an error's causes.
fn root<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    causes(error).last().unwrap_or(error)
}

/// AWS takes requests whose time is within five minutes of its own. From this difference on, the
/// SDK's client signs its next request with the time of AWS
/// (`aws_runtime::service_clock_skew`, which does so for retries of its own).
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(4 * 60);

fn clock_is_off(response: &HttpResponse) -> bool {
    let date = response.headers().get("date");
    let theirs = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
    let theirs = theirs.and_then(|date| SystemTime::try_from(date).ok());
    theirs.is_some_and(|theirs| {
        let ours = SystemTime::now();
        let ahead = theirs.duration_since(ours);
        ahead.unwrap_or_else(|behind| behind.duration()) > MAX_CLOCK_SKEW
    })
}

/// The longest request ID that is shown. The server may be anyone's.
const MAX_REQUEST_ID: usize = 64;

fn request_id(response: &HttpResponse) -> Option<String> {
    let headers = response.headers();
    let id = ["x-amzn-requestid", "x-amz-request-id"];
    let id = id.iter().find_map(|name| headers.get(*name))?;
    let plain = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain && id.len() <= MAX_REQUEST_ID).then(|| id.to_owned())
}

fn wait_of(response: &HttpResponse) -> Option<Duration> {
    retry_after(response.headers().get("retry-after"))
}

fn broke_off(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| cause.is::<io::Error>())
}

/// What keeps the connection from being made, in words of our own: what a server's certificate
/// says would tell an Issuer what stands at an address.
fn unreached(error: &(dyn StdError + 'static)) -> &'static str {
    if causes(error).any(|cause| cause.is::<Unresolved>()) {
        "its name does not resolve"
    } else if root(error).to_string().contains("invalid peer certificate") {
        "its certificate is not trusted, or not for this host; see caBundle"
    } else {
        "there is no connection; check region, endpoint and network"
    }
}
