//! One table for the errors of a backend: variant, class and message.

use std::fmt;

use crate::error::{ErrorClass, KeyError};

/// An error of a backend.
pub trait BackendError: fmt::Display {
    /// What follows from it.
    fn class(&self) -> ErrorClass;

    /// Whether it is about an object that does not exist; see [`KeyError::is_missing`].
    fn is_missing(&self) -> bool;

    /// The variant's name.
    fn code(&self) -> &'static str;
}

impl<E: BackendError> From<E> for KeyError {
    fn from(error: E) -> Self {
        Self {
            is_missing: error.is_missing(),
            code: error.code(),
            ..Self::new(error.class(), error.to_string())
        }
    }
}

/// Defines the errors of a backend: `Variant { fields } => class, "message";`, with `missing` before
/// the message of an object that does not exist.
macro_rules! key_errors {
    (
        $(#[$doc:meta])*
        $visibility:vis enum $name:ident {
            $(
                $variant:ident $({ $($field:ident: $type:ty),* $(,)? })?
                    => $class:expr, $($missing:ident,)? $message:literal;
            )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        #[allow(missing_docs, reason = "the message shows what a variant or field is")]
        $visibility enum $name {
            $(
                #[error($message)]
                $variant $({ $($field: $type),* })?,
            )*
        }

        impl $crate::key_errors::BackendError for $name {
            #[allow(unused_variables, reason = "few classes depend on a field")]
            fn class(&self) -> $crate::error::ErrorClass {
                match self {
                    $(Self::$variant $({ $($field),* })? => $class,)*
                }
            }

            fn is_missing(&self) -> bool {
                match self {
                    $(Self::$variant $({ $($field: _),* })? => {
                        $crate::key_errors::is_marked!($($missing)?)
                    })*
                }
            }

            fn code(&self) -> &'static str {
                match self {
                    $(Self::$variant $({ $($field: _),* })? => stringify!($variant),)*
                }
            }
        }
    };
}
pub(crate) use key_errors;

/// Whether a variant has the mark `missing`.
macro_rules! is_marked {
    () => {
        false
    };
    (missing) => {
        true
    };
}
pub(crate) use is_marked;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::references::ReferenceError;
    use crate::software::SoftwareError;

    #[test]
    fn an_object_that_does_not_exist_is_marked_as_missing() {
        let secret = || "ca".to_owned();
        let what = || "the token".to_owned();
        let missing: [KeyError; 5] = [
            SoftwareError::NoSecret { secret: secret() }.into(),
            SoftwareError::NoKey {
                entry: "tls.key".to_owned(),
                secret: secret(),
            }
            .into(),
            ReferenceError::NoBundle { place: secret() }.into(),
            ReferenceError::NoSecret {
                secret: secret(),
                what: what(),
            }
            .into(),
            ReferenceError::NoEntry {
                secret: secret(),
                key: "token".to_owned(),
                what: what(),
            }
            .into(),
        ];
        for error in missing {
            assert!(error.is_missing, "{error}");
        }
        let unusable = SoftwareError::NotPem {
            entry: "tls.key".to_owned(),
            secret: secret(),
        };
        let unusable = KeyError::from(unusable);
        assert!(!unusable.is_missing);
    }
}
