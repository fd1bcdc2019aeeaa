//! What a call to a module fails with, before it is known to which module.

use cryptoki::error::{Error, RvError};

use super::error::Pkcs11Error;

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// The module returned an error, or cannot be called.
    Module(Error),
    /// Something else.
    Other(Pkcs11Error),
}

impl Fault {
    /// Whether the session, or what was found in it, is no longer good: a token that was logged
    /// out, or removed and inserted again; a module that was initialized again; a key that has
    /// gone. With a new session, the same call may succeed.
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

    /// Whether other code in this process has finalized the module.
    pub(super) fn is_not_initialized(&self) -> bool {
        let not_initialized = RvError::CryptokiNotInitialized;
        matches!(self, Self::Module(Error::Pkcs11(value, _)) if *value == not_initialized)
    }

    /// The error about the module of this name.
    pub(super) fn of(self, module: &str) -> Pkcs11Error {
        let module = module.to_owned();
        match self {
            Self::Other(error) => error,
            Self::Module(Error::Pkcs11(value, function)) => Pkcs11Error::Returned {
                module,
                function: format!("C_{function:?}"),
                value,
            },
            Self::Module(_) => Pkcs11Error::InvalidResponse(module),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Module(error)
    }
}

impl From<Pkcs11Error> for Fault {
    fn from(error: Pkcs11Error) -> Self {
        Self::Other(error)
    }
}
