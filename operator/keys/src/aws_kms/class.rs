//! The error codes of KMS and STS, and those that all services of AWS have, by what follows from
//! them.

use std::time::Duration;

use crate::error::ErrorClass;

/// The credentials are unknown, wrong or have expired.
const STALE: [&str; 7] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Whether other credentials may mend an error of this code.
pub(super) fn is_stale(code: &str) -> bool {
    STALE.contains(&code)
}

/// The class of an error code, with the status of the answer and the time that it asks to wait.
pub(super) fn class(code: &str, status: u16, delay: Option<Duration>) -> ErrorClass {
    match code {
        "ThrottlingException"
        | "Throttling"
        | "RequestLimitExceeded"
        | "LimitExceeded"
        | "LimitExceededException"
        | "TooManyRequestsException" => ErrorClass::Throttled(delay),
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
        | "IDPCommunicationError" => ErrorClass::Unreachable,
        "NotFoundException" => ErrorClass::KeyNotFound,
        "DisabledException"
        | "KMSInvalidStateException"
        | "InvalidKeyUsageException"
        | "UnsupportedOperationException"
        | "InvalidArnException"
        | "ValidationException" => ErrorClass::KeyUnusable,
        "AccessDenied"
        | "AccessDeniedException"
        | "IDPRejectedClaim"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidGrantTokenException"
        | "InvalidIdentityToken"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "NotAuthorized"
        | "OptInRequired"
        | "RegionDisabledException"
        | "RequestExpired"
        | "ValidationError" => ErrorClass::CredentialsRefused,
        stale if is_stale(stale) => ErrorClass::CredentialsRefused,
        _ => of_status(status, delay),
    }
}

/// The class of a code that is in no list.
fn of_status(status: u16, delay: Option<Duration>) -> ErrorClass {
    match status {
        429 => ErrorClass::Throttled(delay),
        500.. => ErrorClass::Unreachable,
        401 | 403 => ErrorClass::CredentialsRefused,
        _ => ErrorClass::InvalidResponse,
    }
}

/// The class of an error code where nothing else of the answer is known.
pub(super) fn class_of_code(code: &str) -> ErrorClass {
    class(code, 400, None)
}
