//! The return values of PKCS#11 functions: their names, classes and advice.

use cryptoki::error::RvError;

use crate::error::ErrorClass;

/// Whether the same call may succeed in a new session: the token was logged out, or removed and
/// inserted again; the module was initialized again; another operation was active. None of these
/// means that C_Login has used up a try.
pub(super) fn is_stale(value: RvError) -> bool {
    matches!(
        value,
        RvError::CryptokiNotInitialized
            | RvError::DeviceRemoved
            | RvError::KeyHandleInvalid
            | RvError::ObjectHandleInvalid
            | RvError::OperationActive
            | RvError::OperationNotInitialized
            | RvError::SessionClosed
            | RvError::SessionHandleInvalid
            | RvError::SlotIdInvalid
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::UserNotLoggedIn
    )
}

/// What follows from a return value, and what to do about it.
pub(super) fn rule(value: RvError) -> (ErrorClass, &'static str) {
    match value {
        RvError::DeviceRemoved | RvError::TokenNotPresent | RvError::TokenNotRecognized => (
            ErrorClass::Unreachable,
            "insert the token, or connect the HSM",
        ),
        RvError::CryptokiNotInitialized
        | RvError::DeviceError
        | RvError::DeviceMemory
        | RvError::FunctionCanceled
        | RvError::FunctionFailed
        | RvError::GeneralError
        | RvError::HostMemory
        | RvError::LibraryLoadFailed
        | RvError::SessionClosed
        | RvError::SessionHandleInvalid
        | RvError::SlotIdInvalid => (
            ErrorClass::Unreachable,
            "check the HSM, and see the module's log",
        ),
        RvError::SessionCount => (
            ErrorClass::Throttled(None),
            "the token allows no further session, so lower the module's maxSessions",
        ),
        RvError::FunctionRejected
        | RvError::PinExpired
        | RvError::PinIncorrect
        | RvError::PinInvalid
        | RvError::PinLenRange
        | RvError::PinLocked
        | RvError::UserAnotherAlreadyLoggedIn
        | RvError::UserNotLoggedIn
        | RvError::UserPinNotInitialized
        | RvError::UserTooManyTypes
        | RvError::UserTypeInvalid => (
            ErrorClass::CredentialsRefused,
            "check the token's user, its PIN and its permissions",
        ),
        RvError::KeyHandleInvalid | RvError::ObjectHandleInvalid => {
            (ErrorClass::KeyNotFound, "restore the key in the token")
        }
        // The token takes fewer bytes than a certificate has, which only Ed25519 gives it whole.
        RvError::DataInvalid | RvError::DataLenRange => (
            ErrorClass::KeyUnusable,
            "request fewer names, or use a key of another type",
        ),
        RvError::ActionProhibited
        | RvError::CurveNotSupported
        | RvError::FunctionNotSupported
        | RvError::KeyFunctionNotPermitted
        | RvError::KeySizeRange
        | RvError::KeyTypeInconsistent
        | RvError::MechanismInvalid
        | RvError::MechanismParamInvalid => (
            ErrorClass::KeyUnusable,
            "use a key that the token allows to sign",
        ),
        _ => (ErrorClass::InvalidResponse, "see the module's log"),
    }
}

/// The value's name in the standard: `DeviceError` is CKR_DEVICE_ERROR.
pub(super) fn name(value: RvError) -> String {
    if let RvError::VendorDefined(number) | RvError::UnknownErrorCode(number) = value {
        return format!("CKR {number:#010x}");
    }
    let mut name = "CKR".to_owned();
    for letter in format!("{value:?}").chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pkcs11::Pkcs11Fault;

    #[test]
    fn has_a_class_for_each_kind_of_value() {
        for (value, expected) in [
            (RvError::DeviceRemoved, ErrorClass::Unreachable),
            (RvError::SessionCount, ErrorClass::Throttled(None)),
            (RvError::PinLocked, ErrorClass::CredentialsRefused),
            (RvError::KeyHandleInvalid, ErrorClass::KeyNotFound),
            (RvError::KeyFunctionNotPermitted, ErrorClass::KeyUnusable),
            (RvError::DataLenRange, ErrorClass::KeyUnusable),
            (RvError::AttributeValueInvalid, ErrorClass::InvalidResponse),
            (
                RvError::VendorDefined(0x8000_0001),
                ErrorClass::InvalidResponse,
            ),
        ] {
            assert_eq!(rule(value).0, expected, "{value:?}");
        }
    }

    #[test]
    fn is_named_as_in_the_standard() {
        assert_eq!(name(RvError::VendorDefined(0x8000_0001)), "CKR 0x80000001");
        assert_eq!(name(RvError::PinLenRange), "CKR_PIN_LEN_RANGE");
        let fault = Pkcs11Fault::Returned {
            function: "C_Sign".to_owned(),
            value: RvError::DeviceRemoved,
        };
        assert_eq!(
            fault.to_string(),
            "returned CKR_DEVICE_REMOVED from C_Sign; insert the token, or connect the HSM"
        );
    }
}
