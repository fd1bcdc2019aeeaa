//! What PKCS#11 answers when something is wrong, by what follows from it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};

use crate::error::{ErrorClass, KeyError};

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Fault {
    /// The module said so, or could not be called.
    Module(Error),
    /// It is said already.
    Told(KeyError),
}

impl Fault {
    /// A failure of this class, in a sentence.
    pub(super) fn new(class: ErrorClass, sentence: impl Into<String>) -> Self {
        Self::Told(KeyError::new(class, sentence))
    }

    /// Whether the session, or what was learned in it, is no longer good: a token that was logged
    /// out, or removed and put back; a module that was initialised anew; a key that has gone.
    /// With a new session, the same call may work.
    pub(super) fn is_stale(&self) -> bool {
        matches!(
            self,
            Self::Module(Error::Pkcs11(
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
                    | RvError::UserNotLoggedIn,
                _,
            ))
        )
    }

    /// Whether somebody in this process has finalised the module.
    pub(super) fn is_not_initialized(&self) -> bool {
        let not_initialized = RvError::CryptokiNotInitialized;
        matches!(self, Self::Module(Error::Pkcs11(value, _)) if *value == not_initialized)
    }

    /// The error that a caller is told, about the module of this name.
    pub(super) fn told(self, module: &str) -> KeyError {
        match self {
            Self::Told(error) => error,
            Self::Module(Error::Pkcs11(value, function)) => answer(module, value, function),
            Self::Module(_) => KeyError::new(
                ErrorClass::WrongAnswer,
                format!("the PKCS#11 module {module} gave an answer that is none; look at its log"),
            ),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Module(error)
    }
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        Self::Told(error)
    }
}

fn answer(module: &str, value: RvError, function: Function) -> KeyError {
    let (class, advice) = class(value);
    let (value, function) = (name(value), format!("C_{function:?}"));
    let sentence = format!("the PKCS#11 module {module} answers {function} with {value}; {advice}");
    KeyError::new(class, sentence)
}

fn class(value: RvError) -> (ErrorClass, &'static str) {
    match value {
        RvError::DeviceRemoved | RvError::TokenNotPresent | RvError::TokenNotRecognized => (
            ErrorClass::Unreachable,
            "put the token back, or connect the HSM again",
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
            "look at the log of the module, and whether the HSM is up",
        ),
        RvError::SessionCount => (
            ErrorClass::Throttled(None),
            "the token allows no further session; lower --pkcs11-sessions",
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
            "see to the token's user, its PIN and what it may do",
        ),
        RvError::KeyHandleInvalid | RvError::ObjectHandleInvalid => {
            (ErrorClass::KeyNotFound, "put the key back into the token")
        }
        // The token takes fewer bytes than a certificate has, which only Ed25519 gives it whole.
        RvError::DataInvalid | RvError::DataLenRange => (
            ErrorClass::KeyUnusable,
            "ask for fewer names, or use a key of another type",
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
            "use a key that the token lets sign",
        ),
        _ => (ErrorClass::WrongAnswer, "look at the log of the module"),
    }
}

/// The value's name in the standard: `DeviceError` is CKR_DEVICE_ERROR.
fn name(value: RvError) -> String {
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

/// What a thread that panicked has left behind is as good as before: nothing is half written.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_told_by_its_name_with_its_class() {
        let told = |value, function| Fault::Module(Error::Pkcs11(value, function)).told("m");
        let removed = told(RvError::DeviceRemoved, Function::Sign);
        assert_eq!(removed.class, ErrorClass::Unreachable);
        assert_eq!(
            removed.message,
            "the PKCS#11 module m answers C_Sign with CKR_DEVICE_REMOVED; put the token back, or \
             connect the HSM again"
        );
        let table = [
            (RvError::SessionCount, ErrorClass::Throttled(None)),
            (RvError::PinLocked, ErrorClass::CredentialsRefused),
            (RvError::KeyHandleInvalid, ErrorClass::KeyNotFound),
            (RvError::KeyFunctionNotPermitted, ErrorClass::KeyUnusable),
            (RvError::DataLenRange, ErrorClass::KeyUnusable),
            (RvError::AttributeValueInvalid, ErrorClass::WrongAnswer),
            (RvError::VendorDefined(0x8000_0001), ErrorClass::WrongAnswer),
        ];
        for (value, class) in table {
            assert_eq!(told(value, Function::Sign).class, class, "{value:?}");
        }
        assert_eq!(name(RvError::VendorDefined(0x8000_0001)), "CKR 0x80000001");
        assert_eq!(name(RvError::PinLenRange), "CKR_PIN_LEN_RANGE");
    }
}
